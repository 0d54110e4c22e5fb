"""`manage.py storage_gc` as an operator meets it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ncfd_site.config.errors import ExitCode
from storage.management.commands import storage_gc
from storage.models import StorageObject
from tests.storage import stocked

pytestmark = pytest.mark.django_db


def gc(*arguments: str) -> str:
    out = StringIO()
    call_command(storage_gc.Command(), *arguments, stdout=out)
    return out.getvalue()


def test_it_is_dry_unless_it_is_told_to_delete(local_site: Path) -> None:
    stocked.upload(b"kept", b"kept too", b"kept as well")
    stocked.unused([b"gone"])
    said = gc()
    assert "1 of 4 contents (4 bytes) have no reference and were not used for 30 days, the longest since 20" in said
    assert "Nothing was changed. With --delete they go." in said
    assert StorageObject.objects.count() == 4

    said = gc("--delete")
    assert "Deleted 1 rows (4 bytes) and the bytes of 0 contents." in said
    assert "go with the first storage_gc --delete in 60 minutes or later" in said
    assert "1 tombstones wait, of which 0 (0 bytes) are due" in gc()
    stocked.let_tombstones_be_due()
    assert "1 tombstones wait, of which 1 (4 bytes) are due" in gc()
    assert "Deleted 0 rows (0 bytes) and the bytes of 1 contents." in gc("--delete")
    assert gc() == "None of 3 contents is without reference and unused for 30 days.\n"


def test_a_refusal_is_told_by_the_dry_run_and_ends_with_its_code_otherwise(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    assert "It would be refused: 1 of 2 contents would go (50 %), more than 25 %" in gc()
    with pytest.raises(CommandError, match="repeat the command with --most-percent 51") as refused:
        gc("--delete")
    assert refused.value.returncode == ExitCode.CONSENT_NEEDED
    assert StorageObject.objects.count() == 2


def test_it_says_what_stays_and_why(local_site: Path) -> None:
    documents = stocked.upload(*(b"%d" % number for number in range(4)))
    StorageObject.objects.filter(sha256=stocked.address_of(b"0")[8:]).update(storage_uri="/data/0")
    for document in documents[:2]:
        stocked.release(document)
    stocked.age()
    said = gc()
    assert "1 more have no reference, but a document or a study points to them: they stay." in said
    assert "1 more have an address that is none of a store of this site: they stay." in said


def test_as_json(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    found = json.loads(gc("--json"))
    assert (found["objects"], found["candidates"], found["candidate_bytes"]) == (2, 1, 4)
    assert found["refused"].startswith("1 of 2 contents would go")
    done = json.loads(gc("--json", "--delete", "--most-percent", "50", "--keep-minutes", "0"))
    assert (done["rows"], done["bytes"]["contents"]) == (1, 1)


def test_bytes_that_could_not_be_deleted_end_it_as_partial_with_a_reason(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    local_site.rename(local_site.with_name("elsewhere"))
    with pytest.raises(
        CommandError, match=r"1 contents: The local content store is unavailable: .* CONTENT_ROOT"
    ) as left:
        gc("--delete", "--most-percent", "50", "--keep-minutes", "0")
    assert left.value.returncode == ExitCode.PARTIAL


@pytest.mark.parametrize("arguments", [["--grace-days", "-1"], ["--keep-minutes", "x"], ["--most-percent", "all"]])
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=arguments[0]):
        gc(*arguments)


def test_the_actor_is_in_the_record(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    gc("--delete", "--most-percent", "50", "--actor", "olga")
    assert stocked.acts() == [("object_deleted", "olga")]
