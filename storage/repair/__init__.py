"""Repair of findings: each is checked again under lock, repaired in its own transaction, and recorded.

No row is deleted, no data but abandoned uploads is deleted, and corrupt data is only replaced by a verified copy.
"""

from storage.repair.proposals import Proposal, RepairOptions
from storage.repair.repairer import Repairer, RepairSession

__all__ = ["Proposal", "RepairOptions", "RepairSession", "Repairer"]
