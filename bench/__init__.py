"""Measurements, each compared with a baseline of the same run on the same machine."""
