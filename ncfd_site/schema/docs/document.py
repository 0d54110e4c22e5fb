"""The page `docs/schema.md`: `template.md` with sections from the models and a database."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, models

from ncfd_site.schema import catalog
from ncfd_site.schema.catalog import Schema
from ncfd_site.schema.deploy import revisions
from ncfd_site.schema.docs import tables

TEMPLATE = Path(__file__).with_name("template.md")
_SECTION = re.compile(r"^\{\{ (?P<name>\w+)(?P<apps>[ \w]*) \}\}$", re.MULTILINE)

# Relations without a key, and what reads each.
READERS = {
    "document_entities": "storage.queries.list_document_entities",
    "document_links": "signals.companies.queries.list_company_documents",
    "v_domain_aliases": "securities.queries.lookups.list_domains",
}


def path() -> Path:
    """Return the path of the page."""
    return Path(settings.BASE_DIR) / "docs" / "schema.md"


def render(using: str = DEFAULT_DB_ALIAS) -> str:
    """Return the page for this code and the database, which must be at the newest revision."""
    schema = catalog.read_schema(using)
    template = TEMPLATE.read_text(encoding="utf-8")
    sections = {
        "contents": _render_contents,
        "unmodeled": _render_unmodeled_relations,
        "enums": _render_enums,
        "routines": _render_routines,
    }

    def fill(found: re.Match[str]) -> str:
        if found["name"] == "tables":
            return "\n".join(_render_tables(found["apps"].split(), schema)).rstrip()
        if found["name"] == "revisions":
            return "\n".join(_render_revisions())
        return "\n".join(sections[found["name"]](schema)).rstrip()

    return _SECTION.sub(fill, template)


def _list_models(labels: list[str]) -> list[type[models.Model]]:
    own = [model for label in labels for model in apps.get_app_config(label).get_models() if not model._meta.managed]
    return sorted(own, key=lambda model: model._meta.db_table)


def _render_contents(schema: Schema) -> Iterator[str]:
    template = TEMPLATE.read_text(encoding="utf-8")
    for title, labels in re.findall(r"^## (.+)\n(?:(?!^## ).*\n)*?^\{\{ tables (.+) \}\}$", template, re.MULTILINE):
        yield f"- {title}: {_render_links(model._meta.db_table for model in _list_models(labels.split()))}"
    yield f"- Relations without a key: {_render_links(READERS)}"


def _render_links(names: Iterator[str] | dict[str, str]) -> str:
    return ", ".join(f"[`{name}`](#{name})" for name in names)


def _render_tables(labels: list[str], schema: Schema) -> Iterator[str]:
    for model in _list_models(labels):
        yield from tables.describe_model(model, schema.relations[model._meta.db_table])


def _render_unmodeled_relations(schema: Schema) -> Iterator[str]:
    for name, reader in READERS.items():
        yield from tables.describe_relation(schema.relations[name], reader)


def _render_enums(schema: Schema) -> Iterator[str]:
    yield "| type | labels |"
    yield "| --- | --- |"
    for name, labels in schema.enums.items():
        yield f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} |"


def _render_routines(schema: Schema) -> Iterator[str]:
    for routine in schema.routines:
        yield f"### `{routine.name}`"
        yield ""
        yield f"`{routine.name}({routine.arguments})`" + (f" returns `{routine.result}`" if routine.result else "")
        yield ""
        yield routine.comment or ""
        yield ""
    yield "| trigger | table | function |"
    yield "| --- | --- | --- |"
    for trigger in schema.triggers:
        yield f"| `{trigger.name}` | `{trigger.relation}` | `{trigger.routine}` |"


def _render_revisions() -> Iterator[str]:
    yield "| revision | description |"
    yield "| --- | --- |"
    for revision in revisions.load_revisions():
        yield f"| `{revision.id}` | {revision.summary} |"
