"""Objects that belong to the revisions in schema `public`: conditions of queries of the catalog, and exceptions."""

# A regular expression: tables, types and routines that Django's `migrate` makes for itself and its apps.
OF_DJANGO = "^(auth|axes|django|procrastinate)_"
# Tables that Alembic and `migrate_alembic` make for themselves, outside the revisions.
BOOKKEEPING = {"alembic_version", "alembic_migration_log"}
# The server's extensions decide whether these exist, and how they are defined.
DEPENDS_ON_EXTENSIONS = (
    "idx_company_aliases_alias_trgm", "ix_resolver_decisions_sponsor_norm_trgm", "ticker_range"
)  # fmt: skip


def exclude_extensions(catalog: str, oid: str, types: str = "e") -> str:
    """Return the condition of an object that depends on none in these ways, such as on an extension (e)."""
    listed = ", ".join(f"'{each}'" for each in types)
    # With the catalog, the server finds the row by an index.
    return (
        f"NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '{catalog}'::regclass AND x.objid = {oid}"
        f" AND x.deptype IN ({listed}))"
    )


# The condition of a row c of pg_class.
OURS = (
    f"c.relnamespace = 'public'::regnamespace AND c.relname !~ '{OF_DJANGO}'"
    f" AND {exclude_extensions('pg_class', 'c.oid')}"
)
# Constructors that belong to a type (deptype i) come with it.
ROUTINES = (
    f"pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname !~ '{OF_DJANGO}'"
    f" AND {exclude_extensions('pg_proc', 'p.oid', 'ei')}"
)
