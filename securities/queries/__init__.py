"""Reads of companies, securities and sponsor resolution."""
