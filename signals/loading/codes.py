"""Codes of the registry: phases, statuses and other enumerations, also in the words of its earlier interface."""

import re

from ncfd_site.ingest.records import InvalidRecord

PHASES = ("EARLY_PHASE1", "PHASE1", "PHASE2", "PHASE3", "PHASE4", "NA")
STATUSES = (
    "ACTIVE_NOT_RECRUITING",
    "APPROVED_FOR_MARKETING",
    "AVAILABLE",
    "COMPLETED",
    "ENROLLING_BY_INVITATION",
    "NOT_YET_RECRUITING",
    "NO_LONGER_AVAILABLE",
    "RECRUITING",
    "SUSPENDED",
    "TEMPORARILY_NOT_AVAILABLE",
    "TERMINATED",
    "UNKNOWN",
    "WITHDRAWN",
    "WITHHELD",
)
_NUMERALS = {"IV": "4", "III": "3", "II": "2", "I": "1"}
_PHASE = re.compile(r"(EARLY_)?PHASE_?([0-9]|IV|I{1,3})")
_MODEL_WORDS = ("_ASSIGNMENT", "_STUDY", "_STATUS")


def normalize_code(word: str) -> str:
    """Return a code for a code or its words: "Active, not recruiting" is ACTIVE_NOT_RECRUITING, "N/A" is NA."""
    code = re.sub(r"[^A-Z0-9]+", "_", word.upper().replace("N/A", "NA")).strip("_")
    for ending in _MODEL_WORDS:
        code = code.removesuffix(ending)
    return code


def parse_phases(words: list[str]) -> list[str]:
    """Return the codes of phases, each once; "Phase 2/Phase 3" is two. Raises InvalidRecord for an unknown one."""
    parts = [part for word in words for part in re.split(r"(?<!N)/", word)]
    return list(dict.fromkeys(_parse_phase(part) for part in parts))


def parse_status(word: str) -> str | None:
    """Return the code of an overall status, None for no text; raises InvalidRecord for an unknown one."""
    return _require_code(normalize_code(word), word, "overallStatus", STATUSES) if word else None


def _parse_phase(word: str) -> str:
    code = normalize_code(word)
    code = {"NOT_APPLICABLE": "NA", "0": "EARLY_PHASE1", "PHASE_0": "EARLY_PHASE1"}.get(code, code)
    if match := _PHASE.fullmatch(code if "PHASE" in code else f"PHASE_{code}"):
        code = f"{match[1] or ''}PHASE{_NUMERALS.get(match[2], match[2])}"
    return _require_code(code, word, "phases", PHASES)


def _require_code(code: str, word: str, name: str, known: tuple[str, ...]) -> str:
    if code not in known:
        raise InvalidRecord(f"{name} is {word[:60]!r}, which is none of {', '.join(known)}")
    return code
