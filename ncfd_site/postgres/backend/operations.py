"""How Django writes SQL, where its own way would keep PostgreSQL from an index."""

from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.postgresql import operations

INTEGERS = frozenset({"smallint", "integer", "bigint"})


class DatabaseOperations(operations.DatabaseOperations):
    """Django's own, but integers of two sizes are joined as they are."""

    def prepare_join_on_clause(self, local_table: str, local_field: Any, remote_table: str, remote_field: Any) -> Any:
        """Both sides of a join; Django casts one where types differ, and the key's index could not be read then."""
        types = {field.rel_db_type(self.connection) for field in (local_field, remote_field)}
        plain = BaseDatabaseOperations if types <= INTEGERS else operations.DatabaseOperations
        return plain.prepare_join_on_clause(self, local_table, local_field, remote_table, remote_field)
