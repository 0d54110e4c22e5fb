"""`manage.py storage_tier` as an operator meets it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ncfd_site.config.errors import ExitCode
from storage.management.commands import storage_tier
from storage.models import StorageObject
from tests.storage import stocked

pytestmark = pytest.mark.django_db


def tier(*arguments: str) -> str:
    out = StringIO()
    call_command(storage_tier.Command(), *arguments, stdout=out)
    return out.getvalue()


def test_it_is_dry_unless_it_is_told_to_move(both_tiers: str) -> None:
    stocked.upload(b"one", b"three")
    assert tier("s3") == "2 contents (8 bytes) would move to s3. Nothing was changed. With --move they do.\n"
    assert tier("local") == "0 contents (0 bytes) would move to local.\n"
    said = tier("s3", "--move", "--larger-than", "4")
    assert said.startswith(
        "Moved 1 contents (5 bytes) to s3. Their old bytes go with the first storage_gc --delete in 60"
    )
    assert StorageObject.objects.filter(tier="s3").count() == 1
    assert json.loads(tier("local", "--move", "--json", "--actor", "olga")) == {
        "contents": 1,
        "size_bytes": 5,
        "meanwhile": 0,
        "failed": {},
    }
    assert stocked.acts()[-1] == ("moved", "olga")


@pytest.mark.parametrize(("text", "size"), [("500", 500), ("64K", 65536), ("10m", 10 << 20), ("1G", 1 << 30)])
def test_sizes_have_units(text: str, size: int) -> None:
    assert storage_tier._bytes(text) == size


@pytest.mark.parametrize(
    "arguments", [["tape"], ["s3", "--larger-than", "big"], ["s3", "--limit", "some"], ["s3", "--limit", "-1"]]
)
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        tier(*arguments)


def test_content_that_cannot_be_copied_ends_it_with_3_and_is_named(both_tiers: str, local_site: Path) -> None:
    stocked.upload(b"lost", b"sound")
    address = stocked.address_of(b"lost")
    (local_site / address[8:10] / address[8:]).unlink()
    with pytest.raises(
        CommandError, match=r"1 contents stay where they are.*\n  object \d+: .* has no object at"
    ) as failed:
        tier("s3", "--move")
    assert failed.value.returncode == ExitCode.PARTIAL


def test_a_store_that_is_not_configured_is_told(local_site: Path) -> None:
    stocked.upload(b"content")
    with pytest.raises(CommandError, match="Set CONTENT_S3_BUCKET"):
        tier("s3", "--move")
