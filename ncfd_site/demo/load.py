"""Load the demonstration in one transaction."""

from datetime import date

from django.db import transaction
from django.utils import timezone
from psycopg import sql as composed

from ncfd_site.config import database
from ncfd_site.config.errors import ConfigurationError, UserError
from ncfd_site.core import demo_flag, sql
from ncfd_site.demo.catalog import Calendar, plan_trials
from ncfd_site.demo.companies import add_companies, add_resolver
from ncfd_site.demo.documents import add_content, add_documents
from ncfd_site.demo.loader import Loader
from ncfd_site.demo.publications import build_publications
from ncfd_site.demo.registry import add_trials
from ncfd_site.demo.reviews import add_reviews
from ncfd_site.demo.risk import add_risk
from ncfd_site.demo.templates import read_toml
from ncfd_site.ingest.batches import serialize_loads
from storage.content import get_content_store

STEPS = (add_companies, add_trials, add_resolver, add_documents, add_reviews, add_content, add_risk)
# The catalog numbers companies and assets, and the numbers of links decide which are sampled.
RESTARTED = ("companies_company_id_seq", "assets_asset_id_seq", "link_audit_audit_id_seq")
# Rows of all other tables depend on one of these.
_HAS_DATA = """
SELECT EXISTS (SELECT FROM trials) OR EXISTS (SELECT FROM companies) OR EXISTS (SELECT FROM documents)
    OR EXISTS (SELECT FROM assets) OR EXISTS (SELECT FROM storage_objects) OR EXISTS (SELECT FROM link_reviews)
"""


class OtherDataError(UserError):
    """The database holds data that is not the demonstration's."""


def load(today: date | None = None) -> bool:
    """Load the demonstration as of `today` (UTC) unless it is loaded; return whether this call loaded it.

    Raises `ConfigurationError` if DATABASE_URL is set, `OtherDataError` if the database has other data, and `UserError`
    if it has no schema.
    """
    if not database.is_embedded():
        raise ConfigurationError(
            "The demonstration is for the embedded server only, but DATABASE_URL is set. Unset it, or load real data"
            " with `manage.py load_data FOLDER`."
        )
    if _is_loaded():
        return False
    if sql.value("SELECT to_regclass('trials') IS NULL"):
        raise UserError("The database has no tables. Run `manage.py migrate_alembic`, then load the demonstration.")
    with transaction.atomic():
        # A second load waits here until the first is committed.
        serialize_loads()
        if _is_loaded():
            return False
        if sql.value(_HAS_DATA):
            raise OtherDataError(
                "The database has other data, so the demonstration was not loaded. Set NCFD_HOME to a new folder to see"
                " the demonstration."
            )
        _fill_database(Calendar(today or timezone.now().date()))
        _mark_database()
    demo_flag.clear_cache()
    return True


def count_rows() -> dict[str, dict[str, int]]:
    """Return the rows of each table that the demonstration fills, by part of the database."""
    return {
        # Names of tables are those of the data file.
        part: {table: sql.value(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608
        for part, tables in read_toml("fixed")["parts"].items()
    }


def _fill_database(calendar: Calendar) -> None:
    for sequence in RESTARTED:
        sql.execute(f"ALTER SEQUENCE {sequence} RESTART")
    trials = plan_trials(calendar)
    loader = Loader(calendar, get_content_store(), trials, build_publications(trials, calendar))
    for add in STEPS:
        add(loader)
    sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")


def _is_loaded() -> bool:
    # Pages remember the answer for a minute, so this asks the database.
    return str(sql.value(demo_flag.READ_COMMENT) or "").startswith(demo_flag.DEMONSTRATION)


def _mark_database() -> None:
    statement = composed.SQL("COMMENT ON DATABASE {} IS {}").format(
        composed.Identifier(sql.value("SELECT current_database()")), composed.Literal(demo_flag.DEMONSTRATION)
    )
    # The statement takes no parameters, so a percent sign in the name is doubled.
    sql.execute(statement.as_string(None).replace("%", "%%"))
