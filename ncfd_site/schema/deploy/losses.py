"""No revision takes away what holds rows unless somebody agreed to it by name.

A downgrade counts the rows that it would destroy, in its own SQL. An upgrade that drops a table or a column is caught
here, whatever its author thought of: what is there is noted before it runs, and looked for before it is committed.
Derived columns are never a loss, and a change of name or type is none.
"""

from dataclasses import dataclass

from ncfd_site.schema.deploy.session import Connection

# The code of `pg_temp.refuse_loss`, which says the same of a downgrade.
SQLSTATE = "NC001"

# Every table of public that occupies space, and its columns but the generated ones, by number: a new name keeps it.
_HELD = """
    SELECT c.oid::bigint, c.relname, a.attnum::integer, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = '' AND pg_relation_size(c.oid) > 0
"""

_THERE = """
    SELECT a.attrelid::bigint, a.attnum::integer FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True)
class Held:
    """A column of a table with rows."""

    relation: str
    column: str


def held(connection: Connection) -> dict[tuple[int, int], Held]:
    """What a revision must not drop."""
    return {(oid, number): Held(table, name) for oid, table, number, name in connection.execute(_HELD).fetchall()}


def gone(connection: Connection, before: dict[tuple[int, int], Held]) -> list[str]:
    """What of `before` is no longer there in the transaction that is under way, in words."""
    there = {(oid, number) for oid, number in connection.execute(_THERE).fetchall()}
    tables = {oid for oid, _ in there}
    return sorted(
        {
            f"column {lost.relation}.{lost.column}" if key[0] in tables else f"table {lost.relation}"
            for key, lost in before.items()
            if key not in there
        }
    )
