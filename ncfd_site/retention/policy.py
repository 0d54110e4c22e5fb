"""The retention policy, read from a TOML file, and the registry of what it is about."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core.registry import Registry

MAX_COUNT = 100_000
Rule = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table that are pruned together: a condition on `t`, its values, and what is done after them."""

    condition: str
    values: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[], object] = lambda: None


def plan_by_age(column: str) -> Callable[[Rule, datetime], list[Part]]:
    """Return the plan of rows that are older than `keep_days` by a column."""

    def plan(rule: Rule, now: datetime) -> list[Part]:
        return [Part(f"t.{column} < %(before)s", {"before": now - timedelta(days=rule["keep_days"])})]

    return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Prunable:
    """Rows with a retention rule.

    `plan` returns the parts by the rule and the current time. `delete` deletes the rows with the keys `%(keys)s`; its
    row count is that of the deleted rows.
    """

    name: str
    title: str
    table: str
    key: str
    settings: tuple[str, ...]
    plan: Callable[[Rule, datetime], Iterable[Part]]
    delete: str = "DELETE FROM {table} WHERE {key} = ANY(%(keys)s)"

    @property
    def delete_statement(self) -> str:
        """The statement with the names of table and key."""
        return self.delete.format(table=self.table, key=self.key)


_registry = Registry[Prunable]("prunable", "retention", lambda prunable: prunable.name)
register = _registry.register


def list_prunables() -> list[Prunable]:
    """Return what is registered, by name."""
    return [prunable for _, prunable in sorted(_registry.items().items())]


def read_policy(path: Path | None = None) -> dict[str, Rule]:
    """Return the rules by name. Raises ConfigurationError with section, key and correction."""
    path = path or settings.RETENTION_FILE
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"Cannot read {path}: {str(error).rstrip('.')}. Correct RETENTION_FILE.") from None
    prunables = _registry.items()
    for name in sorted(raw.keys() ^ prunables.keys()):
        problem = "is unknown. Remove it" if name in raw else "is missing. Add it"
        raise ConfigurationError(f"Cannot read {path}: section [{name}] {problem}.")
    for name, rule in raw.items():
        known = prunables[name].settings
        if not isinstance(rule, dict) or rule.keys() != set(known):
            raise ConfigurationError(f"Cannot read {path}: [{name}] must have {' and '.join(known)}, and nothing else.")
        for key, value in rule.items():
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
                raise ConfigurationError(
                    f"Cannot read {path}: {name}.{key} is {value!r}. Write an integer from 0 to {MAX_COUNT}."
                )
    return raw
