"""What the tests of migration share: scratch databases whose catalogs are read once for each server and role."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ncfd_site.schema.deploy import revisions, shadow
from ncfd_site.schema.deploy.catalog import Catalog

_made: dict[tuple[Any, ...], dict[str, Catalog]] = {}
_make = shadow.catalogs


@pytest.fixture(autouse=True)
def _scratch_databases_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the revisions make on a server does not change; commands that are started make their own all the same."""

    def catalogs(server: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Catalog]:
        key = tuple(server.get(part) for part in ("host", "port", "user"))
        if key not in _made:
            _made[key] = _make(server, revisions.ids())
        return {revision: dict(_made[key][revision]) for revision in wanted}

    monkeypatch.setattr(shadow, "catalogs", catalogs)
