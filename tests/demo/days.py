"""The day of the load in tests."""

from datetime import date

TODAY = date(2026, 11, 22)
