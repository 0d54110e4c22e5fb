"""Rows from templates into tables."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ncfd_site.core import sql
from ncfd_site.demo.catalog import COMPANIES, DRUGS, Calendar, PlannedTrial
from ncfd_site.demo.publications import Publication
from ncfd_site.demo.templates import fill, read_csv, read_toml
from storage.content import ContentStore


@dataclass
class Loader:
    """The plan, and what adds its rows; keeps the primary keys of trials by NCT ID, and of others by address.

    Companies and assets have the numbers of the catalog, because their sequences restart.
    """

    calendar: Calendar
    store: ContentStore
    trials: Sequence[PlannedTrial]
    publications: Sequence[Publication]
    trial_ids: dict[str, int] = field(default_factory=dict)
    document_ids: dict[str, int] = field(default_factory=dict)
    study_ids: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a row for each mapping of values, by the table's template in `rows.toml`."""
        template = read_toml("rows")[table]
        filled = (fill(template, {"day": self.calendar, **row}) for row in rows)
        sql.copy(table, list(template), ([_convert_to_column_value(value) for value in row.values()] for row in filled))

    def add_fixed(self, table: str, **values: Any) -> None:
        """Add the rows that `fixed.toml` has for a table."""
        rows = self.fixed(table, **values)
        sql.copy(table, list(rows[0]), ([_convert_to_column_value(value) for value in row.values()] for row in rows))

    def fixed(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a table in `fixed.toml`, or of a CSV file."""
        rows = read_toml("fixed").get(name) or read_csv(name)
        trials = {trial.acronym: trial for trial in self.trials}
        return fill(rows, {"day": self.calendar, "trials": trials, "none": None, **COMPANIES, **DRUGS, **values})  # type: ignore[no-any-return]

    def about(self, one: Publication) -> dict[str, Any]:
        """Return the values of rows about a document: its keys, and those of its trial and study."""
        return {
            "document": one,
            "trial_id": self.trial_ids[one.trial.nct_id],
            "doc_id": self.document_ids[one.source_url],
            "study_id": self.study_ids.get(one.source_url),
        }

    def backdate(self, at: datetime) -> None:
        """Replace every time that this transaction has written as the current one."""
        for table, columns in read_toml("fixed")["current_times"].items():
            changes = ", ".join(f"{name} = CASE WHEN {name} >= now() THEN %(at)s ELSE {name} END" for name in columns)
            recent = " OR ".join(f"{name} >= now()" for name in columns)
            # Names of tables and columns are those of the data file.
            sql.execute(f"UPDATE {table} SET {changes} WHERE {recent}", {"at": at})  # noqa: S608


def _convert_to_column_value(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return None if value == "" else value
