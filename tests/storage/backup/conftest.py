"""A site at head with documents, and its database in Django too."""

from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from ncfd_site.schema.deploy import session
from tests.storage import store_setup
from tests.storage.backup.sites import Site


@pytest.fixture
def site(transactional_db: None, local_site: Path, tmp_path: Path) -> Site:
    """Return a site with twenty documents of this site, two objects of pipelines, and garbage."""
    parameters = connection.get_connection_params()
    address = session.select_libpq_keywords(parameters)
    store_setup.upload(*(b"document %d" % number for number in range(20)))
    return Site(address, Path(settings.CONTENT_ROOT), str(tmp_path / "backups"))
