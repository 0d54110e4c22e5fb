"""The command storage_gc."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ncfd_site.config.errors import ExitCode
from storage.management.commands import storage_gc
from storage.models import StorageObject
from tests.storage import store_setup

pytestmark = pytest.mark.django_db


def run_gc(*arguments: str) -> str:
    out = StringIO()
    call_command(storage_gc.Command(), *arguments, stdout=out)
    return out.getvalue()


def test_dry_run_is_the_default(local_site: Path) -> None:
    store_setup.upload(b"kept", b"kept too", b"kept as well")
    store_setup.add_garbage([b"old"])
    output = run_gc()
    assert "1 of 4 objects (3 bytes) are unreferenced and unused for 30 days, the oldest since 20" in output
    assert "Dry run: nothing was deleted." in output
    assert StorageObject.objects.count() == 4

    output = run_gc("--delete")
    assert "Deleted 1 row (3 bytes) and the data of 0 objects." in output
    assert "by the first run of storage_gc --delete after 60 minutes" in output
    assert "1 tombstone, 0 due (0 bytes)." in run_gc()
    store_setup.expire_tombstones()
    assert "1 tombstone, 1 due (3 bytes)." in run_gc()
    assert "Deleted 0 rows (0 bytes) and the data of 1 object." in run_gc("--delete")
    assert run_gc() == "No garbage: none of 3 objects is unreferenced and unused for 30 days.\n"


def test_blocking_reason_is_printed_by_the_dry_run_and_fails_the_deletion(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    assert "Blocked: 1 of 2 objects (50 %)" in run_gc()
    with pytest.raises(CommandError, match="use --max-delete-percent 51") as blocked:
        run_gc("--delete")
    assert blocked.value.returncode == ExitCode.CONSENT_NEEDED
    assert StorageObject.objects.count() == 2


def test_kept_objects_are_reported(local_site: Path) -> None:
    documents = store_setup.upload(*(b"%d" % number for number in range(4)))
    StorageObject.objects.filter(sha256=store_setup.build_uri(b"0")[8:]).update(storage_uri="/data/0")
    for document in documents[:2]:
        store_setup.delete_reference(document)
    store_setup.age_objects()
    output = run_gc()
    assert "1 more are unreferenced, but used by a document or study, and are kept." in output
    assert "1 more have a URI of no store of this site, and are kept." in output


def test_json_output(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    found = json.loads(run_gc("--json"))
    assert (found["object_count"], found["candidate_count"], found["candidate_bytes"]) == (2, 1, 3)
    assert found["blocking_reason"].startswith("1 of 2 objects")
    done = json.loads(run_gc("--json", "--delete", "--max-delete-percent", "50", "--retention-minutes", "0"))
    assert (done["row_count"], done["data"]["object_count"]) == (1, 1)


def test_failed_deletion_is_partial(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    local_site.rename(local_site.with_name("elsewhere"))
    with pytest.raises(
        CommandError, match=r"1 object: The local content store is unavailable: .* CONTENT_ROOT"
    ) as failed:
        run_gc("--delete", "--max-delete-percent", "50", "--retention-minutes", "0")
    assert failed.value.returncode == ExitCode.PARTIAL


@pytest.mark.parametrize(
    "arguments", [["--grace-days", "-1"], ["--retention-minutes", "x"], ["--max-delete-percent", "all"]]
)
def test_invalid_arguments_are_rejected(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=arguments[0]):
        run_gc(*arguments)


def test_actor_is_recorded(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    run_gc("--delete", "--max-delete-percent", "50", "--actor", "olga")
    assert store_setup.list_actions() == [("object_deleted", "olga")]
