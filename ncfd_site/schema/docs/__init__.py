"""Writes `docs/schema.md`, from the models and the catalog of a database at head.

document       the page itself
tables         the section of one relation
words          what neither models nor catalog can tell: rules, contracts, where things came from
writers        who writes each relation
"""
