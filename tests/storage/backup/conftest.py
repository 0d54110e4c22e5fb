"""A site at head with documents, which is Django's own in this process."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ncfd_site.schema.deploy import session
from tests.storage import store_setup
from tests.storage.backup.sites import Site

DOCUMENTS = [b"document %d" % number for number in range(20)]
KEY = "a key of the tests with enough characters"


@pytest.fixture
def site(transactional_db: None, local_site: Path, tmp_path: Path, settings: Any) -> Site:
    """Return a site with twenty documents."""
    store_setup.upload(*DOCUMENTS)
    settings.BACKUP_TO = str(tmp_path / "backups")
    database = session.select_libpq_keywords(connection.get_connection_params())
    return Site(database, local_site, settings.BACKUP_TO)
