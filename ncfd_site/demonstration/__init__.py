"""A small generated demonstration: invented companies, drugs and trials in every table that a page shows.

Everything is a function of the day on which it is loaded and of the constants here: the same day gives the same rows.
Names come from Gulliver's Travels, Alice, Erewhon and their like, so that nobody takes them for real ones.
"""
