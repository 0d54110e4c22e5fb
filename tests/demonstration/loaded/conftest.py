"""The demonstration, loaded once for all tests of this folder; what a test changes is undone after it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from ncfd_site.core import demo_flag
from ncfd_site.demonstration import load

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="package", autouse=True)
def demonstration(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Load it inside a transaction that is rolled back after the last test; returns the folder of the content."""
    content = tmp_path_factory.mktemp("content")
    with django_db_blocker.unblock(), override_settings(CONTENT_ROOT=content), transaction.atomic():
        assert load.load(TODAY)
        yield content
        transaction.set_rollback(True)
    demo_flag.clear_cache()
