"""Mending of what the checks find: each finding is looked at again under lock, changed alone, and recorded.

No row is deleted, no bytes are but files that nobody finished, and damaged bytes give way only to a whole copy.
"""

from storage.repair.outcome import MendOptions, Outcome
from storage.repair.repair import Progress, Repair
from storage.repair.run import Mender

__all__ = ["MendOptions", "Mender", "Outcome", "Progress", "Repair"]
