"""The admin of the site's own tables: where the schema stands, and how it came there."""

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
    """The revision that the database stands at."""

    list_display = (value_column("version_num", "revision"),)
    filled_by = "No revision has run here yet. `manage.py migrate_alembic` brings the schema up to date."


@admin.register(MigrationLog)
class MigrationLogAdmin(ReadOnlyAdmin):
    """What `migrate_alembic` did."""

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
        fixed_choices_filter("outcome", "outcome", *((end, end, {"outcome": end}) for end in map(str, Outcome))),
    )
    search_by = (search.by_key("log_id", "number of the entry"), search.by_text("revision", "revision"))
    filled_by = "`manage.py migrate_alembic` writes an entry for each thing that it does; it has done nothing here."

    def get_queryset(self, request: HttpRequest) -> Any:
        # The command makes this table itself when it first writes: a database migrated by `alembic` alone has none.
        exists = sql.value("SELECT to_regclass(%s) IS NOT NULL", [self.model._meta.db_table])
        return super().get_queryset(request) if exists else self.model._default_manager.none()
