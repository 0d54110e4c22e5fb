"""Query plans that depend on the rows of the test alone."""

from ncfd_site.core import sql


def empty_tables() -> None:
    """Give the tables of trials and companies new files in this transaction.

    Rolled back rows stay in a table's file and in the planner's estimates.
    """
    sql.execute("SET LOCAL session_replication_role = replica")
    sql.execute("TRUNCATE trials, companies, securities CASCADE")
    sql.execute("SET LOCAL session_replication_role = origin")


def disable(*methods: str) -> None:
    """Forbid methods, such as seqscan and sort, which are cheap with the few rows of a test."""
    for method in methods:
        sql.execute(f"SET LOCAL enable_{method} = off")
