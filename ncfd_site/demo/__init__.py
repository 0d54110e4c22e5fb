"""A small generated demonstration: invented companies, drugs and trials in every table that a page shows.

The day of the load determines every row. Names are from Gulliver's Travels, Alice and Erewhon, so that no reader takes
them for real ones.
"""
