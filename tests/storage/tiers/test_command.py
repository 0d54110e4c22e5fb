"""The command storage_tier."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ncfd_site.config.errors import ExitCode
from storage.management.commands import storage_tier
from storage.models import StorageObject
from tests.storage import store_setup

pytestmark = pytest.mark.django_db


def run_tier(*arguments: str) -> str:
    out = StringIO()
    call_command(storage_tier.Command(), *arguments, stdout=out)
    return out.getvalue()


def test_dry_run_is_the_default(both_tiers: str) -> None:
    store_setup.upload(b"one", b"three")
    assert run_tier("s3") == "2 objects (8 bytes) to move to s3. Dry run: nothing was changed. Use --move to move.\n"
    assert run_tier("local") == "0 objects (0 bytes) to move to local.\n"
    output = run_tier("s3", "--move", "--larger-than", "4")
    assert output.startswith(
        "Moved 1 object (5 bytes) to s3. The old data is deleted by the first run of storage_gc --delete after 60"
    )
    assert StorageObject.objects.filter(tier="s3").count() == 1
    assert json.loads(run_tier("local", "--move", "--json", "--actor", "olga")) == {
        "object_count": 1,
        "size_bytes": 5,
        "changed_count": 0,
        "failures": {},
    }
    assert store_setup.list_actions()[-1] == ("moved", "olga")


@pytest.mark.parametrize(("text", "size"), [("500", 500), ("64K", 65536), ("10m", 10 << 20), ("1G", 1 << 30)])
def test_sizes_may_have_units(text: str, size: int) -> None:
    assert storage_tier._parse_size(text) == size


@pytest.mark.parametrize(
    "arguments", [["tape"], ["s3", "--larger-than", "big"], ["s3", "--limit", "some"], ["s3", "--limit", "-1"]]
)
def test_invalid_arguments_are_rejected(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run_tier(*arguments)


def test_failed_copies_are_listed(both_tiers: str, local_site: Path) -> None:
    store_setup.upload(b"lost", b"intact")
    uri = store_setup.build_uri(b"lost")
    (local_site / uri[8:10] / uri[8:]).unlink()
    with pytest.raises(CommandError, match=r"1 object not moved:\n  object \d+: .* has no object at") as failed:
        run_tier("s3", "--move")
    assert failed.value.returncode == ExitCode.PARTIAL


def test_unconfigured_store_is_reported(local_site: Path) -> None:
    store_setup.upload(b"content")
    with pytest.raises(CommandError, match="Set CONTENT_S3_BUCKET"):
        run_tier("s3", "--move")
