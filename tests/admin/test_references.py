"""References in the admin, and the list of garbage collection candidates."""

import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from ncfd_site.core import sql
from storage import services
from storage.models import StorageObject, StorageReference, StorageTombstone
from tests import factories
from tests.admin.conftest import person

pytestmark = pytest.mark.django_db

REASON = "the page <b>cites</b> it"


def post(client: Client, name: str, content: StorageObject, **given: Any) -> list[str]:
    """Send a form of the object's page; return the last message."""
    answer = client.post(reverse(f"admin:{name}", args=[content.pk]), given)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)][-1:]


def get_page(client: Client, content: StorageObject) -> str:
    return client.get(reverse("admin:storage_storageobject_change", args=[content.pk])).content.decode()


def add(client: Client, content: StorageObject, kind: str, key: Any, reason: str = REASON) -> list[str]:
    return post(client, "storage_reference_add", content, reference_type=kind, reference_id=key, reason=reason)


def release(client: Client, content: StorageObject, reference: Any, reason: str = REASON) -> list[str]:
    return post(client, "storage_reference_release", content, reference=reference, reason=reason)


def test_operator_adds_a_reference(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    assert add(client, content, "document", 12) == ["Added the reference from document 12. Now 1 reference."]
    content.refresh_from_db()
    assert content.refcount == 1
    page = get_page(client, content)
    assert reverse("admin:storage_document_change", args=[12]) in page
    assert "Release" in page


def test_existing_reference_is_not_counted_twice(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    assert add(client, content, "study", 3) == ["Nothing changed: the reference from study 3 exists. Now 1 reference."]


def test_operator_releases_a_reference(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "pipeline word", 3)
    reference = content.references.get()
    released = release(client, content, reference.pk)
    assert released == ["Released the reference from pipeline word 3. Now 0 references."]
    assert not StorageReference.objects.exists()
    history = client.get(reverse("admin:storage_storageobject_history", args=[content.pk])).content.decode()
    assert "Added the reference from pipeline word 3" in history
    assert "Released the reference from pipeline word 3" in history


def test_reason_is_required(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    (message,) = add(client, content, "study", 3, reason="  ")
    assert message == "No reference was added. Reason: This field is required."
    add(client, content, "study", 3)
    (message,) = release(client, content, content.references.get().pk, reason="")
    assert message == "No reference was released. Reason: This field is required."
    assert content.references.count() == 1
    assert re.search(r'<input id="release-reason"[^>]* required', get_page(client, content))


def test_audit_log_shows_action_actor_and_reason(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    release(client, content, content.references.get().pk, reason="no longer cited")
    page = get_page(client, content)
    assert "reference added: study 3, refcount 1" in page
    assert "reference released: study 3, refcount 0" in page
    assert "the page &lt;b&gt;cites&lt;/b&gt; it" in page
    assert "no longer cited" in page
    assert "olga" in page


def test_referrers_are_named_or_missing(signed_in: Any) -> None:
    content = factories.make_storage_object()
    document = factories.make_document(
        publisher="<i>Nature</i>", source_url="https://nature.example/a/1?x=y", object=content
    )
    study = factories.make_study(year=2021)
    client = signed_in("operator")
    add(client, content, "document", document.pk)
    add(client, content, "study", study.pk)
    add(client, content, "document", 999_999)
    add(client, content, "crawl", 7)
    page = get_page(client, content)
    assert "&lt;i&gt;Nature&lt;/i&gt;, nature.example/a/1" in page
    assert f"{study.trial.nct_id}, 2021" in page
    assert "document 999999 does not exist (yet)" in page
    assert "unknown kind, maintained by a pipeline" in page
    assert page.count("points to another object or to none") == 1


def test_referrers_are_read_with_one_query_per_kind(signed_in: Any, django_assert_max_num_queries: Any) -> None:
    content = factories.make_storage_object()
    for _ in range(8):
        for kind, row in (("document", factories.make_document()), ("study", factories.make_study())):
            sql.scalar("increment_storage_refcount", content.sha256, "local", kind, row.pk)
    client = signed_in("analyst")
    get_page(client, content)
    # Session, user, two for permissions; object, count, references, two for referrers, tombstones, events.
    with django_assert_max_num_queries(11):
        get_page(client, content)


def test_object_of_a_document_is_kept_after_its_release(signed_in: Any) -> None:
    content = factories.make_storage_object()
    document = factories.make_document(object=content)
    client = signed_in("operator")
    add(client, content, "document", document.pk)
    answer = client.post(
        reverse("admin:storage_reference_release", args=[content.pk]),
        {"reference": content.references.get().pk, "reason": REASON},
    )
    shown = [str(message) for message in get_messages(answer.wsgi_request)]
    assert shown[-2] == f"Released the reference from document {document.pk}. Now 0 references."
    assert "still points to it. Garbage collection keeps the object." in shown[-1]
    assert "Garbage collection keeps it." in get_page(client, content)


def test_copies_with_tombstones_are_shown(signed_in: Any) -> None:
    content = factories.make_storage_object()
    StorageTombstone.objects.create(
        storage_uri=f"s3://{content.sha256}", reason="moved", delete_after="2024-03-01T12:00Z", size_bytes=3
    )
    page = get_page(signed_in("analyst"), content)
    assert f"s3://{content.sha256}" in page
    assert "tombstone: " in page
    assert "current, on local disk" in page


@pytest.mark.parametrize("chosen", ["", "x", "999999", "-1", "9" * 40, "²"])
def test_missing_reference_is_not_released(chosen: str, signed_in: Any) -> None:
    content = factories.make_storage_object()
    messages = release(signed_in("operator"), content, chosen)
    assert messages == ["Nothing changed: the reference no longer exists."]


def test_reference_to_another_object_is_not_released(signed_in: Any) -> None:
    content, other = factories.make_storage_object(), factories.make_storage_object()
    client = signed_in("operator")
    add(client, other, "study", 3)
    release(client, content, other.references.get().pk)
    assert other.references.count() == 1


@pytest.mark.parametrize(
    ("kind", "key", "wrong"),
    [
        ("", 1, "Kind of referrer"),
        ("x" * 51, 1, "Kind of referrer"),
        ("document", "many", "Key of the referrer"),
        ("document", 2**63, "Key of the referrer"),
        ("document", 0, "Key of the referrer"),
    ],
)
def test_form_errors_are_shown(kind: str, key: Any, wrong: str, signed_in: Any) -> None:
    content = factories.make_storage_object()
    (message,) = add(signed_in("operator"), content, kind, key)
    assert message.startswith("No reference was added.")
    assert wrong in message


def test_database_error_is_shown_as_a_sentence(signed_in: Any) -> None:
    content = factories.make_storage_object(sha256="short")
    (message,) = add(signed_in("operator"), content, "document", 1)
    assert message.startswith("The reference from document 1 to short in local was not added, and nothing was changed:")
    assert "64 hexadecimal digits" in message
    assert "CONTEXT" not in message


def test_wrong_count_is_shown_as_drift(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    # As a restore with disabled triggers does.
    sql.execute("SET LOCAL session_replication_role = replica")
    sql.execute("UPDATE storage_objects SET refcount = 4")
    sql.execute("SET LOCAL session_replication_role = origin")
    assert "+3: wrong count" in get_page(client, content)
    listed = client.get(reverse("admin:storage_storageobject_changelist")).content.decode()
    assert "+3: wrong count" in listed


def test_analyst_sees_references_without_buttons(signed_in: Any) -> None:
    content = factories.make_storage_object()
    services.add_reference(content.sha256, "local", "document", 12, reason=REASON, actor=person("operator"))
    page = get_page(signed_in("analyst"), content)
    assert "document 12" in page
    assert "Add a reference" not in page
    assert "Release" not in page


def get_candidates(client: Client, **parameters: str) -> Any:
    return client.get(reverse("admin:storage_storageobject_gc_candidates"), parameters)


def set_unused(content: StorageObject, days: int) -> None:
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - make_interval(days => %s) WHERE object_id = %s",
        [days, content.pk],
    )


def test_candidates_are_those_of_the_database_function(signed_in: Any) -> None:
    old, young, used = (factories.make_storage_object() for _ in range(3))
    services.add_reference(used.sha256, "local", "document", 12, reason=REASON, actor=person("operator"))
    set_unused(old, 40)
    set_unused(young, 10)
    set_unused(used, 40)
    client = signed_in("analyst")
    assert _list_hashes(get_candidates(client)) == [old.sha256]
    assert _list_hashes(get_candidates(client, max_age_days="5")) == [old.sha256, young.sha256]
    assert _list_hashes(get_candidates(client, min_refcount="1")) == [old.sha256, used.sha256]


def test_candidates_can_have_a_maximum_age(signed_in: Any) -> None:
    for days in (40, 70):
        set_unused(factories.make_storage_object(), days)
    client = signed_in("analyst")
    assert len(_list_hashes(get_candidates(client, max_age_days="30"))) == 2
    assert len(_list_hashes(get_candidates(client, max_age_days="30", under_days="60"))) == 1
    assert "but used within 60 days" in get_candidates(client, under_days="60").content.decode()


def test_candidate_shows_why_it_is_kept(signed_in: Any) -> None:
    free, pointed_to, of_study, named, foreign = (factories.make_storage_object() for _ in range(5))
    document = factories.make_document(object=pointed_to)
    study = factories.make_study(object=of_study)
    other = factories.make_document(sha256=named.sha256, storage_uri=named.storage_uri)
    StorageObject.objects.filter(pk=foreign.pk).update(storage_uri="/etc/passwd")
    for content in (free, pointed_to, of_study, named, foreign):
        set_unused(content, 40)
    page = get_candidates(signed_in("operator"))
    fates = {content: str(row[-1]) for content, row in zip(_list_hashes(page), page.context["table"].rows, strict=True)}
    assert fates[free.sha256] == "would be deleted"
    assert f">document {document.pk}</a> still points to it" in fates[pointed_to.sha256]
    assert f">study {study.pk}</a> still points to it" in fates[of_study.sha256]
    assert f">document {other.pk}</a> still points to it" in fates[named.sha256]
    assert "of no store of this site" in fates[foreign.sha256]


def test_page_without_candidates_shows_the_limits(signed_in: Any) -> None:
    factories.make_storage_object()
    page = get_candidates(signed_in("operator"), max_age_days="7", min_refcount="2").content.decode()
    assert "No objects with at most 2 references, unused for 7 days." in page
    assert 'value="7"' in page


@pytest.mark.parametrize("days", ["-1", "x", "", "99999999999"])
def test_invalid_parameters_are_reported(days: str, signed_in: Any) -> None:
    page = get_candidates(signed_in("operator"), max_age_days=days)
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert "table" not in page.context


def test_number_of_listed_candidates_is_limited(signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.admin.candidates.MAX_SHOWN", 2)
    for _ in range(3):
        set_unused(factories.make_storage_object(), 40)
    page = get_candidates(signed_in("operator"))
    assert len(_list_hashes(page)) == 2
    assert "The 2 least recently used are shown." in page.content.decode()


def _list_hashes(page: Any) -> list[str]:
    return [str(row[0]).partition('title="')[2].partition('"')[0] for row in page.context["table"].rows]
