"""Signals that follow from the registry record alone: S1 and S7."""
