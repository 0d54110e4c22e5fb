"""The causes of a change between two runs, from what the runs recorded."""

from collections.abc import Mapping
from typing import Any

from ncfd_site.core.formatting import format_number, format_percent
from signals.models import Score
from signals.queries import read_recorded_ratios


def explanations(earlier: Score, later: Score) -> list[str]:
    """Return the differences between two scores of a trial in words, or a note that a change is unexplained.

    Values that a run did not record are not compared.
    """
    causes = [*_gates(earlier, later), *_prior(earlier, later), *_stop_rules(earlier, later)]
    if earlier.p_fail == later.p_fail:
        return causes
    versions = _version(earlier), _version(later)
    if versions[0] and versions[1] and versions[0] != versions[1]:
        causes.append(f"table {versions[0]} became {versions[1]}")
    return causes or ["not explained by the recorded data"]


def _gates(earlier: Score, later: Score) -> list[str]:
    then, now = read_recorded_ratios(earlier.metadata), read_recorded_ratios(later.metadata)
    if then is None or now is None:
        # A run that recorded none may have had any.
        silent = [score.run_id for score, gates in ((earlier, then), (later, now)) if gates is None]
        return [] if len(silent) > 1 else [f"gates not compared: {silent[0]} recorded none"]
    causes = [f"{code} fired" for code in sorted(now.keys() - then.keys())]
    causes += [f"{code} cleared" for code in sorted(then.keys() - now.keys())]
    for code in sorted(now.keys() & then.keys()):
        if now[code] != then[code]:
            causes.append(f"{code} ratio {format_number(then[code])} became {format_number(now[code])}")
    return causes


def _prior(earlier: Score, later: Score) -> list[str]:
    if earlier.prior_pi == later.prior_pi:
        return []
    return [f"prior {format_percent(earlier.prior_pi)} became {format_percent(later.prior_pi)}"]


def _stop_rules(earlier: Score, later: Score) -> list[str]:
    then, now = _rules(earlier.metadata), _rules(later.metadata)
    if now is None:
        return []
    causes = [f"stop rule {name} holds" for name in sorted(now - (then or set()))]
    return causes + [f"stop rule {name} holds no longer" for name in sorted((then or set()) - now)]


def _rules(metadata: Any) -> set[str] | None:
    rules = metadata.get("stop_rules") if isinstance(metadata, Mapping) else None
    if not isinstance(rules, list):
        return None
    return {str(rule["rule"]).replace("_", " ") for rule in rules if isinstance(rule, Mapping) and "rule" in rule}


def _version(score: Score) -> str:
    version = score.metadata.get("table_version") if isinstance(score.metadata, Mapping) else None
    return version if isinstance(version, str) else ""
