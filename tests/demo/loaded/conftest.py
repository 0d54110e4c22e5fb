"""The demonstration, loaded once for the tests of this folder; changes of a test are rolled back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from ncfd_site.core import demo_flag
from ncfd_site.demo.load import load
from tests.demo.days import TODAY


@pytest.fixture(scope="package", autouse=True)
def demonstration(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Load it in a transaction that is rolled back after the last test; return the folder of the content store."""
    content = tmp_path_factory.mktemp("content")
    with django_db_blocker.unblock(), override_settings(CONTENT_ROOT=content), transaction.atomic():
        assert load(TODAY)
        yield content
        transaction.set_rollback(True)
    demo_flag.clear_cache()
