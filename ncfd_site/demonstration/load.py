"""Load the demonstration: all of it in one transaction, or nothing."""

from datetime import date

from django.db import transaction
from django.utils import timezone
from psycopg import sql as composed

from ncfd_site.config import database
from ncfd_site.config.errors import ConfigurationError, UserError
from ncfd_site.core import demo_flag, sql
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.claims import claims_of
from ncfd_site.demonstration.plan.publications import publications
from ncfd_site.demonstration.plan.risk import evaluations_of, releases_of, signals_of
from ncfd_site.demonstration.plan.trials import planned_trials
from ncfd_site.demonstration.rows.assets import add_assets
from ncfd_site.demonstration.rows.companies import add_companies, add_securities
from ncfd_site.demonstration.rows.contents import add_references
from ncfd_site.demonstration.rows.documents import add_publications
from ncfd_site.demonstration.rows.links import add_claims, add_labels, proposals
from ncfd_site.demonstration.rows.parts import add_document_links, add_parts
from ncfd_site.demonstration.rows.promoted import add_promoted
from ncfd_site.demonstration.rows.promotions import add_promotions
from ncfd_site.demonstration.rows.registry import add_trials
from ncfd_site.demonstration.rows.resolver import add_resolving
from ncfd_site.demonstration.rows.reviews import add_reviews
from ncfd_site.demonstration.rows.risk import add_risk
from ncfd_site.demonstration.rows.studies import add_studies
from ncfd_site.ingest.staging import take_turns
from storage.content import ContentStore, get_content_store

# Samples are drawn by the numbers of links: from 1 on, every load draws the same, also one after another that failed.
NUMBER_LINKS_ANEW = "ALTER SEQUENCE link_audit_audit_id_seq RESTART"
# Whatever else a pipeline or a loader has written hangs on one of these.
HELD = """
SELECT EXISTS (SELECT FROM trials) OR EXISTS (SELECT FROM companies) OR EXISTS (SELECT FROM documents)
    OR EXISTS (SELECT FROM assets) OR EXISTS (SELECT FROM storage_objects) OR EXISTS (SELECT FROM link_reviews)
"""


class HoldsOtherData(UserError):
    """The database holds data that is not the demonstration's."""


def load(today: date | None = None) -> bool:
    """Load the demonstration as of `today` (UTC), unless it is loaded; returns whether it was loaded now.

    Raises `Misconfigured` where DATABASE_URL is set, `HoldsOtherData` where the database holds data already, and
    `Refusal` where it has no schema.
    """
    if not database.is_embedded():
        raise ConfigurationError(
            "The demonstration is for the embedded server only, but DATABASE_URL is set: unset it to see the"
            " demonstration, or load real data with `manage.py load_data FOLDER`."
        )
    if _is_loaded():
        return False
    if sql.value("SELECT to_regclass('trials') IS NULL"):
        raise UserError("The database has no tables yet: run `manage.py migrate_alembic`, then load the demonstration.")
    with transaction.atomic():
        # A second load waits here, and then finds that the first one is done.
        take_turns()
        if _is_loaded():
            return False
        if sql.value(HELD):
            raise HoldsOtherData(
                "The database holds other data already, and the demonstration is not mixed with it: nothing was"
                " changed; set NCFD_HOME to a new folder to see the demonstration."
            )
        _fill(Calendar(today or timezone.now().date()), get_content_store())
        _mark()
    demo_flag.clear_cache()
    return True


def _fill(calendar: Calendar, store: ContentStore) -> None:
    sql.execute(NUMBER_LINKS_ANEW)
    trials = planned_trials(calendar)
    published = publications(trials, calendar)
    claims = claims_of(published)
    releases = releases_of(published)
    signals = signals_of(trials, releases, calendar)

    companies = add_companies(calendar)
    add_securities(calendar, companies)
    assets = add_assets(calendar)
    trial_numbers = add_trials(trials, calendar, store)
    add_resolving(trials, companies, calendar)
    documents = add_publications(published, calendar, store)
    add_parts(published, documents, calendar)
    studies = add_studies(published, trial_numbers, documents)
    add_document_links(published, documents, assets, companies, studies)
    add_claims(claims, documents, assets)
    labels = add_labels(trials, assets, calendar)
    add_reviews(proposals(trials, assets), calendar)
    add_promoted(labels, trial_numbers, documents, studies)
    add_promotions(calendar)
    add_references(studies, calendar, store)
    add_risk(signals, evaluations_of(releases), trial_numbers, studies, documents, calendar)
    sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")


def _is_loaded() -> bool:
    # Asked anew: what the pages remember of it may be a minute old.
    return str(sql.value(demo_flag.COMMENT) or "").startswith(demo_flag.DEMONSTRATION)


def _mark() -> None:
    statement = composed.SQL("COMMENT ON DATABASE {} IS {}").format(
        composed.Identifier(sql.value("SELECT current_database()")), composed.Literal(demo_flag.DEMONSTRATION)
    )
    # A statement of this kind takes no parameters; a percent sign in the name is one, not the place of a parameter.
    sql.execute(statement.as_string(None).replace("%", "%%"))
