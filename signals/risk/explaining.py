"""Why a probability differs between two runs, as far as the runs wrote down what they went by."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from signals.models import Score
from signals.queries import recorded_ratios
from signals.risk.words import percent


def explanations(earlier: Score, later: Score) -> list[str]:
    """Return what differs between two scores of a trial, in words; a statement where nothing does and they differ."""
    told = [*_gates(earlier, later), *_prior(earlier, later), *_stop_rules(earlier, later)]
    if earlier.p_fail == later.p_fail:
        return told
    versions = _version(earlier), _version(later)
    if versions[0] and versions[1] and versions[0] != versions[1]:
        told.append(f"table {versions[0]} became {versions[1]}")
    return told or ["not explained by what the runs wrote down"]


def _gates(earlier: Score, later: Score) -> list[str]:
    then, now = recorded_ratios(earlier.metadata) or {}, recorded_ratios(later.metadata) or {}
    told = [f"{code} fired" for code in sorted(now.keys() - then.keys())]
    told += [f"{code} fires no longer" for code in sorted(then.keys() - now.keys())]
    for code in sorted(now.keys() & then.keys()):
        if now[code] != then[code]:
            told.append(f"{code} weighs {_ratio(now[code])} instead of {_ratio(then[code])}")
    return told


def _prior(earlier: Score, later: Score) -> list[str]:
    if earlier.prior_pi == later.prior_pi:
        return []
    return [f"prior {percent(earlier.prior_pi)} became {percent(later.prior_pi)}"]


def _stop_rules(earlier: Score, later: Score) -> list[str]:
    then, now = _rules(earlier.metadata), _rules(later.metadata)
    told = [f"stop rule {name} holds" for name in sorted(now - then)]
    return told + [f"stop rule {name} holds no longer" for name in sorted(then - now)]


def _rules(metadata: Any) -> set[str]:
    rules = metadata.get("stop_rules") if isinstance(metadata, Mapping) else None
    if not isinstance(rules, list):
        return set()
    return {str(rule["rule"]).replace("_", " ") for rule in rules if isinstance(rule, Mapping) and "rule" in rule}


def _version(score: Score) -> str:
    version = score.metadata.get("table_version") if isinstance(score.metadata, Mapping) else None
    return version if isinstance(version, str) else ""


def _ratio(ratio: Decimal) -> str:
    return f"{ratio.normalize():f}"
