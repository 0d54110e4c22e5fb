"""Access of roles: the write statements of the contract, tried before and after a run.

Pipelines log in with roles of their own. Triggers that a run adds must not take a statement from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from ncfd_site.schema import retrying
from ncfd_site.schema.deploy.session import Connection

# Roles with grants on tables, without owners and superusers, and whether this session may become them.
_ROLES = """
    SELECT r.rolname, pg_has_role(session_user, r.oid, %s) FROM pg_roles r
    WHERE NOT r.rolsuper AND r.oid IN (
        SELECT g.grantee FROM pg_class c, aclexplode(c.relacl) g
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND g.grantee <> c.relowner)
    ORDER BY 1
"""

# Rows that the statements change, with keys that no sequence draws.
ROWS = (
    "INSERT INTO public.trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (-1, 'probe 1', true, now())",
    "INSERT INTO public.studies (study_id, trial_id, doc_type, year) VALUES (-1, -1, 'probe', 1)",
    "INSERT INTO public.assets (asset_id, names_jsonb) VALUES (-1, '{}')",
    "INSERT INTO public.documents (doc_id, source_type, storage_uri, sha256) VALUES (-1, 'Other', 'probe', 'probe')",
    "INSERT INTO public.link_audit (audit_id, doc_id, asset_id, link_type, confidence) VALUES (-1, -1, -1, 'probe', 1)",
    (
        "INSERT INTO public.scores (score_id, trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail)"
        " VALUES (-1, -1, 'probe 1', 0.5, 0, 0, 0, 0.5)"
    ),
    (
        "INSERT INTO public.storage_objects (object_id, sha256, storage_uri, backend_type, tier)"
        " VALUES (-1, repeat('0', 64), 'local://' || repeat('0', 64), 'local', 'local'),"
        " (-3, repeat('3', 64), 'local://' || repeat('3', 64), 'local', 'local')"
    ),
    (
        "INSERT INTO public.storage_references (reference_id, object_id, reference_type, referenced_id)"
        " VALUES (-3, -3, 'probe', -3)"
    ),
)

WRITES = (
    "INSERT INTO public.trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (-2, 'probe 2', true, now())",
    "UPDATE public.trials SET sponsor_text = 'probe' WHERE trial_id = -1",
    "DELETE FROM public.trials WHERE trial_id = -1",
    (
        "INSERT INTO public.studies (study_id, trial_id, doc_type, year, extracted_jsonb)"
        " VALUES (-2, -1, 'probe', 1, '{}')"
    ),
    "UPDATE public.studies SET extracted_jsonb = '{}' WHERE study_id = -1",
    "DELETE FROM public.studies WHERE study_id = -1",
    "INSERT INTO public.documents (doc_id, source_type, storage_uri, sha256) VALUES (-2, 'Other', 'probe', 'probe')",
    "UPDATE public.documents SET status = 'fetched' WHERE doc_id = -1",
    "DELETE FROM public.documents WHERE doc_id = -1",
    "INSERT INTO public.link_audit (audit_id, doc_id, asset_id, link_type, confidence) VALUES (-2, -1, -1, 'probe', 1)",
    (
        "INSERT INTO public.link_audit (audit_id, doc_id, asset_id, link_type, confidence, label)"
        " VALUES (-2, -1, -1, 'probe', 1, true)"
    ),
    "UPDATE public.link_audit SET promotion_status = 'review' WHERE audit_id = -1",
    "UPDATE public.link_audit SET label = true WHERE audit_id = -1",
    "DELETE FROM public.link_audit WHERE audit_id = -1",
    (
        "INSERT INTO public.scores (score_id, trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail)"
        " VALUES (-2, -1, 'probe 2', 0.5, 0, 0, 0, 0.5)"
    ),
    "UPDATE public.scores SET p_fail = 0.6 WHERE score_id = -1",
    "DELETE FROM public.scores WHERE score_id = -1",
    (
        "INSERT INTO public.storage_objects (object_id, sha256, storage_uri, backend_type, tier)"
        " VALUES (-2, repeat('1', 64), 'local://' || repeat('1', 64), 'local', 'local')"
    ),
    "UPDATE public.storage_objects SET storage_uri = 's3://' || repeat('0', 64), tier = 's3' WHERE object_id = -1",
    "DELETE FROM public.storage_objects WHERE object_id = -1",
    "SELECT public.increment_storage_refcount(repeat('0', 64), 'local', 'probe', -1)",
    "SELECT public.decrement_storage_refcount(repeat('3', 64), 'local', 'probe', -3)",
    (
        "INSERT INTO public.storage_references (reference_id, object_id, reference_type, referenced_id)"
        " VALUES (-1, -1, 'probe', -1)"
    ),
    "DELETE FROM public.storage_references WHERE reference_id = -3",
)


@dataclass(frozen=True)
class Access:
    """The error of each write by role and statement, and the roles that were not tried."""

    errors: dict[tuple[str, str], str]
    not_tried: tuple[str, ...]

    def find_losses(self, after: "Access") -> list[str]:
        """Return the statements that worked, and fail in `after`."""
        return [
            f"{role} could execute {statement!r} before the run and cannot after it: {after.errors[role, statement]}"
            for (role, statement), error in self.errors.items()
            if not error and after.errors.get((role, statement))
        ]


def try_writes(connection: Connection) -> Access:
    """Execute the write statements as each role with grants that this session may become; roll them back.

    Triggers that record a change draw a few values of their sequences.
    """
    right = "SET" if connection.info.server_version >= 160000 else "MEMBER"
    roles = connection.execute(_ROLES, [right]).fetchall()
    allowed = [role for role, may_become in roles if may_become]
    errors = retrying.retry_while_locked(lambda: _try_writes(connection, allowed)) if allowed else {}
    return Access(errors, tuple(role for role, may_become in roles if not may_become))


def _try_writes(connection: Connection, roles: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the error of each write statement, empty for none, by role and statement; every write is rolled back."""
    with connection.transaction(force_rollback=True):
        for row in ROWS:
            # Earlier revisions lack some tables.
            _try(connection, row, keep=True)
        return {(role, write): _try(connection, write, role) for role in roles for write in WRITES}


def _try(connection: Connection, statement: str, role: str | None = None, *, keep: bool = False) -> str:
    """Execute a statement; return the error, or an empty string. Raises errors about locks."""
    try:
        with connection.transaction(force_rollback=not keep):
            if role:
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            connection.execute(statement)
    except psycopg.errors.UniqueViolation:
        # The role may write; a trigger drew an ID that a row has.
        return ""
    except psycopg.Error as error:
        if error.sqlstate in retrying.LOCKED:
            raise
        return error.diag.message_primary or str(error).strip()
    return ""
