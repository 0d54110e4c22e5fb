"""Admin of the version table and the migration log."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, value_column
from ncfd_site.adminkit.filters import fixed_choices_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.core import sql
from ncfd_site.schema.deploy.bookkeeping import LogAction, Outcome
from ncfd_site.schema.models import MigrationLog, SchemaVersion


@admin.register(SchemaVersion)
class SchemaVersionAdmin(ReadOnlyAdmin):
    """The current revision."""

    list_display = (value_column("version_num", "revision"),)
    filled_by = "`manage.py migrate_alembic` creates the schema."


@admin.register(MigrationLog)
class MigrationLogAdmin(ReadOnlyAdmin):
    """The log of `migrate_alembic`."""

    list_display = (
        value_column("log_id", "entry"),
        value_column("action"),
        value_column("revision"),
        value_column("outcome"),
        value_column("detail", render=lambda text: text if len(text) <= 160 else f"{text[:160]}…", empty=""),
        age_column("started_at", "started"),
        age_column("finished_at", "finished", empty="not finished"),
        value_column("actor"),
        value_column("host"),
    )
    list_filter = (
        fixed_choices_filter(
            "action", "action", *((action, action, {"action": action}) for action in map(str, LogAction))
        ),
        fixed_choices_filter("outcome", "outcome", *((each, each, {"outcome": each}) for each in map(str, Outcome))),
    )
    search_by = (search.by_key("log_id", "entry"), search.by_text("revision", "revision"))
    filled_by = "`manage.py migrate_alembic` adds the first entry."

    def get_queryset(self, request: HttpRequest) -> Any:
        # The first run creates the table. The log of a development version has no column action.
        is_readable = sql.value(
            "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'action')",
            [self.model._meta.db_table],
        )
        return super().get_queryset(request) if is_readable else self.model._default_manager.none()
