"""Each kind of error is found once, and valid objects have no findings."""

import json

import pytest

from ncfd_site.core import sql
from storage.models import StorageObject
from storage.verification import Check, Finding, FindingKind
from tests import factories
from tests.storage.verification.runs import run_verification
from tests.storage.verification.scenarios import create_all_errors, create_valid_objects, list_documents
from tests.storage.verification.site import (
    Site,
    add_reference,
    age_reference,
    create_document,
    run_command,
    store_object,
)

pytestmark = pytest.mark.django_db


def test_valid_objects_have_no_findings(site: Site) -> None:
    create_valid_objects()
    findings, summary = run_verification(min_age_minutes=0)
    assert findings == []
    assert summary.is_complete
    assert {name: one.checked_count for name, one in summary.checks.items()} == {
        "counts": 9,
        "referrers": 4 + 1 + 1,
        "presence": 9,
        "hashes": 9,
        # Including the data of the deleted object until its tombstone is due.
        "orphans": 9 + 1 + 1,
    }
    assert summary.checks["referrers"].recent_count == 1


def test_each_error_is_found_once(site: Site) -> None:
    create_valid_objects()
    subjects = create_all_errors(site)
    findings, summary = run_verification()
    assert {one.kind: one.object_id or one.location for one in findings} == subjects
    assert len(findings) == len(FindingKind)
    assert summary.finding_counts == {kind.value: 1 for kind in FindingKind}
    assert summary.error_count == len(FindingKind) - 1
    assert sum(one.note_count for one in summary.checks.values()) == 1


def test_unused_store_needs_no_folder(site: Site) -> None:
    site.root.rmdir()
    result = run_command("storage_verify")
    assert (result.code, result.lines[-1]) == (0, "No errors found.")


def test_command_prints_messages(site: Site) -> None:
    create_valid_objects()
    subjects = create_all_errors(site)
    result = run_command("storage_verify")
    names_by_key = {one.pk: f"({one.sha256[:12]}, {one.backend_type})" for one in StorageObject.objects.all()}
    names = {kind: f"Object {key} {names_by_key[key]}" for kind, key in subjects.items() if isinstance(key, int)}
    (document,) = list_documents(subjects[FindingKind.MISSING_REFERENCE])
    assert f"wrong count: {names[FindingKind.COUNT]} has 0 references, but its refcount is 5." in result.lines
    assert (
        f"missing referrer: {names[FindingKind.MISSING_REFERRER]} has a reference from document 515151, which does not "
        "exist. The reference is 2 days old."
    ) in result.lines
    assert (
        f"missing reference: Document {document.pk} points to object {names[FindingKind.MISSING_REFERENCE][7:]}, which "
        "has no reference from it."
    ) in result.lines
    assert f"wrong size: {names[FindingKind.SIZE]} has 15 bytes, but its row has 99." in result.lines
    assert f"unknown size: {names[FindingKind.UNKNOWN_SIZE]} has 8 bytes, and its row has no size yet." in result.lines
    assert (
        f"wrong URI: {names[FindingKind.URI]} has 'file:///tmp/foreign', which is not a storage URI."
    ) in result.lines
    assert (
        f"orphan: 6 bytes at {subjects[FindingKind.ORPHAN]}, 3 hours old, have no object, document or tombstone."
    ) in result.lines
    assert (f"overdue tombstone: The data at s3://{'a' * 64} was due for deletion 3 days ago.") in result.lines
    assert (
        "abandoned upload: The upload incoming/tmpkilled in CONTENT_ROOT was last written 2 days ago."
    ) in result.lines
    assert "               checked      errors       notes  too recent     skipped" in result.lines
    assert result.code == 3
    assert result.error.startswith(
        "12 errors (abandoned upload: 1, corrupt object: 1, document URI mismatch: 1, document"
    )
    assert result.error.endswith("). Run storage_repair to list the repairs.")


def test_json_has_a_line_per_finding_and_the_summary(site: Site) -> None:
    subjects = create_all_errors(site)
    result = run_command("storage_verify", "--json")
    *findings, summary = map(json.loads, result.lines)
    assert {one["kind"] for one in findings} == {kind.value for kind in subjects}
    assert all(Finding.from_json(one).as_json() == one for one in findings)
    assert summary["summary"]["checks"]["counts"] == {
        "checked_count": StorageObject.objects.count(),
        "error_count": 1,
        "note_count": 0,
        "recent_count": 0,
        "skipped_count": 0,
    }
    assert result.code == 3


def test_only_selected_checks_run(site: Site) -> None:
    subjects = create_all_errors(site)
    findings, summary = run_verification(Check.COUNTS, Check.ORPHANS)
    assert {one.kind for one in findings} == {
        FindingKind.COUNT,
        FindingKind.ORPHAN,
        FindingKind.OVERDUE,
        FindingKind.ABANDONED,
    }
    assert list(summary.checks) == ["counts", "orphans"]
    assert [one.object_id for one in run_verification(Check.COUNTS)[0]] == [subjects[FindingKind.COUNT]]


def test_unknown_size_is_a_note(site: Site) -> None:
    store_object(b"unsized", size_bytes=0)
    result = run_command("storage_verify")
    assert result.code == 0
    assert result.lines[0].startswith("unknown size: ")
    assert result.lines[-1] == "No errors found."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tier": "s3"}, "has the tier s3, but the URI local://"),
        ({"storage_uri": f"local://{'b' * 64}"}, "which is the URI of another object"),
        ({"storage_uri": f"local://{'B' * 64}"}, "which is not a storage URI"),
        ({"storage_uri": ""}, "has '', which is not a storage URI"),
    ],
)
def test_wrong_uri_is_reported(site: Site, fields: dict[str, str], message: str) -> None:
    store_object(b"content", **fields)
    findings, _ = run_verification()
    assert [one.kind for one in findings] == [FindingKind.URI]
    assert message in findings[0].message


def test_hashes_are_case_insensitive(site: Site) -> None:
    row = store_object(b"capital")
    sql.execute("UPDATE storage_objects SET sha256 = upper(sha256) WHERE object_id = %s", [row.pk])
    create_document(StorageObject.objects.get(), sha256=row.sha256)
    assert run_verification(min_age_minutes=0)[0] == []


def test_link_is_reported(site: Site) -> None:
    row = store_object(b"linked")
    path = site.root / row.sha256[:2] / row.sha256
    path.rename(site.root / "kept")
    path.symlink_to(site.root / "kept")
    findings, _ = run_verification()
    assert [one.kind for one in findings] == [FindingKind.URI]
    assert "leads outside the content store" in findings[0].message


def test_missing_referrers_have_an_hour_of_grace(site: Site) -> None:
    row = store_object(b"early")
    for key in (1, 2, 3):
        add_reference(row, "study", key)
    age_reference("study", 1, minutes=59)
    age_reference("study", 2, minutes=61)
    add_reference(row, "pipeline run", 7)
    age_reference("pipeline run", 7, days=900)
    (finding,) = run_verification(Check.REFERRERS)[0]
    assert (finding.kind, finding.referrer) == (FindingKind.MISSING_REFERRER, "study 2")
    assert "The reference is 61 minutes old." in finding.message


def test_study_without_reference_is_reported(site: Site) -> None:
    row = store_object(b"of a study")
    study = factories.make_study(object=row)
    (finding,) = run_verification(Check.REFERRERS)[0]
    assert (finding.kind, finding.referrer, finding.object_id) == (
        FindingKind.MISSING_REFERENCE,
        f"study {study.pk}",
        row.pk,
    )


def test_recent_orphans_are_only_counted(site: Site) -> None:
    site.harnesses["local"].store.put(b"coming")
    site.harnesses["s3"].store.put(b"coming")
    findings, summary = run_verification()
    assert findings == []
    assert summary.checks["orphans"].recent_count == 2
    assert [one.backend_type for one in run_verification(min_age_minutes=0)[0]] == ["local", "s3"]


def test_data_of_a_document_without_object_is_not_an_orphan(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"of a document alone")
    factories.make_document(sha256=stored.sha256, storage_uri=stored.uri)
    assert run_verification(min_age_minutes=0)[0] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "count"], "'count' names an unknown check. Use some of counts,referrers,presence,hashes,orphans"),
        (["--sample", "0%"], "'0%' is not a share"),
        (["--sample", "120%"], "'120%' is not a share"),
        (["--sample", "some"], "'some' is not a share"),
        (["--min-age", "-1"], "'-1'"),
    ],
)
def test_invalid_arguments_are_rejected(arguments: list[str], message: str) -> None:
    assert message in run_command("storage_verify", *arguments).error
