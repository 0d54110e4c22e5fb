"""Adding and releasing references to content in the admin, and the list of what could be cleaned up."""

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

WHY = "the page <b>cites</b> it"


def post(client: Client, name: str, content: StorageObject, **given: Any) -> list[str]:
    """Send a form of the content's page; return what the page says then."""
    answer = client.post(reverse(f"admin:{name}", args=[content.pk]), given)
    assert answer.status_code == 302
    return [str(message) for message in get_messages(answer.wsgi_request)][-1:]


def page_of(client: Client, content: StorageObject) -> str:
    return client.get(reverse("admin:storage_storageobject_change", args=[content.pk])).content.decode()


def add(client: Client, content: StorageObject, kind: str, key: Any, reason: str = WHY) -> list[str]:
    return post(client, "storage_reference_add", content, reference_type=kind, reference_id=key, reason=reason)


def release(client: Client, content: StorageObject, reference: Any, reason: str = WHY) -> list[str]:
    return post(client, "storage_reference_release", content, reference=reference, reason=reason)


def test_an_operator_adds_a_reference_and_the_count_follows(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    assert add(client, content, "document", 12) == ["Added the reference of document 12; 1 reference now."]
    content.refresh_from_db()
    assert content.refcount == 1
    page = page_of(client, content)
    assert reverse("admin:storage_document_change", args=[12]) in page
    assert "Release" in page


def test_a_reference_that_is_there_is_not_counted_twice(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    assert add(client, content, "study", 3) == [
        "study 3 refers to this content already, so nothing changed; 1 reference."
    ]


def test_an_operator_releases_a_reference(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "pipeline word", 3)
    reference = content.references.get()
    released = release(client, content, reference.pk)
    assert released == ["Released the reference of pipeline word 3; 0 references now."]
    assert not StorageReference.objects.exists()
    history = client.get(reverse("admin:storage_storageobject_history", args=[content.pk])).content.decode()
    assert "Added the reference of pipeline word 3" in history
    assert "Released the reference of pipeline word 3" in history


def test_without_a_reason_nothing_is_added_or_released(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    (message,) = add(client, content, "study", 3, reason="  ")
    assert message == "No reference was added. Reason: This field is required."
    add(client, content, "study", 3)
    (message,) = release(client, content, content.references.get().pk, reason="")
    assert message == "No reference was released. Reason: This field is required."
    assert content.references.count() == 1
    assert re.search(r'<input id="release-reason"[^>]* required', page_of(client, content))


def test_the_record_says_what_was_done_by_whom_and_why(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    release(client, content, content.references.get().pk, reason="cited no more")
    page = page_of(client, content)
    assert "reference added: study 3, 1 then" in page
    assert "reference released: study 3, 0 then" in page
    assert "the page &lt;b&gt;cites&lt;/b&gt; it" in page
    assert "cited no more" in page
    assert "olga" in page


def test_owners_are_named_or_missing(signed_in: Any) -> None:
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
    page = page_of(client, content)
    assert "&lt;i&gt;Nature&lt;/i&gt;, nature.example/a/1" in page
    assert f"{study.trial.nct_id}, 2021" in page
    assert "document 999999 does not exist (yet)" in page
    assert "kept by a pipeline, not known here" in page
    assert page.count("points to other content or to none") == 1


def test_owners_are_looked_up_once_for_each_kind(signed_in: Any, django_assert_max_num_queries: Any) -> None:
    content = factories.make_storage_object()
    for _ in range(8):
        for kind, row in (("document", factories.make_document()), ("study", factories.make_study())):
            sql.scalar("increment_storage_refcount", content.sha256, "local", kind, row.pk)
    client = signed_in("analyst")
    page_of(client, content)
    # Session, person, two of permissions; the object, its count, references, two of owners, tombstones, the record.
    with django_assert_max_num_queries(11):
        page_of(client, content)


def test_content_that_a_document_points_to_stays_when_its_reference_is_released(signed_in: Any) -> None:
    content = factories.make_storage_object()
    document = factories.make_document(object=content)
    client = signed_in("operator")
    add(client, content, "document", document.pk)
    answer = client.post(
        reverse("admin:storage_reference_release", args=[content.pk]),
        {"reference": content.references.get().pk, "reason": WHY},
    )
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    assert told[-2] == f"Released the reference of document {document.pk}; 0 references now."
    assert "still points to it. The content stays as long as that is so" in told[-1]
    assert "All the same, cleaning keeps it." in page_of(client, content)


def test_copies_that_wait_to_be_deleted_are_told(signed_in: Any) -> None:
    content = factories.make_storage_object()
    StorageTombstone.objects.create(
        storage_uri=f"s3://{content.sha256}", reason="moved", delete_after="2024-03-01T12:00Z", size_bytes=3
    )
    page = page_of(signed_in("analyst"), content)
    assert f"s3://{content.sha256}" in page
    assert "waiting: its row moved to another address" in page
    assert "here, on local disk" in page


@pytest.mark.parametrize("chosen", ["", "x", "999999", "-1", "9" * 40, "²"])
def test_a_reference_that_is_not_there_is_not_released(chosen: str, signed_in: Any) -> None:
    content = factories.make_storage_object()
    messages = release(signed_in("operator"), content, chosen)
    assert messages == ["That reference is no longer there, so nothing changed."]


def test_a_reference_to_other_content_is_not_released_from_here(signed_in: Any) -> None:
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
        ("document", "many", "Number of the referrer"),
        ("document", 2**63, "Number of the referrer"),
        ("document", 0, "Number of the referrer"),
    ],
)
def test_a_form_with_a_mistake_says_which(kind: str, key: Any, wrong: str, signed_in: Any) -> None:
    content = factories.make_storage_object()
    (message,) = add(signed_in("operator"), content, kind, key)
    assert message.startswith("No reference was added.")
    assert wrong in message


def test_what_the_database_refuses_is_said_in_a_sentence(signed_in: Any) -> None:
    content = factories.make_storage_object(sha256="short")
    (message,) = add(signed_in("operator"), content, "document", 1)
    assert message.startswith("The reference document 1 to short in local was not added, and nothing was changed:")
    assert "64 hexadecimal digits" in message
    assert "CONTEXT" not in message


def test_a_count_that_is_wrong_shows_as_drift(signed_in: Any) -> None:
    content = factories.make_storage_object()
    client = signed_in("operator")
    add(client, content, "study", 3)
    # As after a restore of rows with the triggers disabled.
    sql.execute("SET LOCAL session_replication_role = replica")
    sql.execute("UPDATE storage_objects SET refcount = 4")
    sql.execute("SET LOCAL session_replication_role = origin")
    assert "+3: the count is wrong" in page_of(client, content)
    listed = client.get(reverse("admin:storage_storageobject_changelist")).content.decode()
    assert "+3: the count is wrong" in listed


def test_an_analyst_sees_references_and_no_button(signed_in: Any) -> None:
    content = factories.make_storage_object()
    services.add_reference(content.sha256, "local", "document", 12, reason=WHY, actor=person("operator"))
    page = page_of(signed_in("analyst"), content)
    assert "document 12" in page
    assert "Add a reference" not in page
    assert "Release" not in page


def candidates(client: Client, **parameters: str) -> Any:
    return client.get(reverse("admin:storage_storageobject_cleanup"), parameters)


def unused_for(content: StorageObject, days: int) -> None:
    sql.execute(
        "UPDATE storage_objects SET last_accessed = now() - make_interval(days => %s) WHERE object_id = %s",
        [days, content.pk],
    )


def test_candidates_for_cleaning_are_those_that_the_database_names(signed_in: Any) -> None:
    old, young, used = (factories.make_storage_object() for _ in range(3))
    services.add_reference(used.sha256, "local", "document", 12, reason=WHY, actor=person("operator"))
    unused_for(old, 40)
    unused_for(young, 10)
    unused_for(used, 40)
    client = signed_in("analyst")
    assert _content(candidates(client)) == [old.sha256]
    assert _content(candidates(client, max_age_days="5")) == [old.sha256, young.sha256]
    assert _content(candidates(client, min_refcount="1")) == [old.sha256, used.sha256]


def test_candidates_of_an_age_have_an_end_too(signed_in: Any) -> None:
    for days in (40, 70):
        unused_for(factories.make_storage_object(), days)
    client = signed_in("analyst")
    assert len(_content(candidates(client, max_age_days="30"))) == 2
    assert len(_content(candidates(client, max_age_days="30", under_days="60"))) == 1
    assert "but within the last 60 days" in candidates(client, under_days="60").content.decode()


def test_a_candidate_says_what_keeps_it_all_the_same(signed_in: Any) -> None:
    free, pointed_to, of_study, named, foreign = (factories.make_storage_object() for _ in range(5))
    document = factories.make_document(object=pointed_to)
    study = factories.make_study(object=of_study)
    other = factories.make_document(sha256=named.sha256, storage_uri=named.storage_uri)
    StorageObject.objects.filter(pk=foreign.pk).update(storage_uri="/etc/passwd")
    for content in (free, pointed_to, of_study, named, foreign):
        unused_for(content, 40)
    page = candidates(signed_in("operator"))
    fates = {content: str(row[-1]) for content, row in zip(_content(page), page.context["table"].rows, strict=True)}
    assert fates[free.sha256] == "may take it"
    assert f">document {document.pk}</a> still points to it" in fates[pointed_to.sha256]
    assert f">study {study.pk}</a> still points to it" in fates[of_study.sha256]
    assert f">document {other.pk}</a> still points to it" in fates[named.sha256]
    assert "none of a content store" in fates[foreign.sha256]


def test_without_candidates_the_page_says_why(signed_in: Any) -> None:
    factories.make_storage_object()
    page = candidates(signed_in("operator"), max_age_days="7", min_refcount="2").content.decode()
    assert "No content has at most 2 references and was not used for 7 days." in page
    assert 'value="7"' in page


@pytest.mark.parametrize("days", ["-1", "x", "", "99999999999"])
def test_parameters_that_make_no_sense_are_named(days: str, signed_in: Any) -> None:
    page = candidates(signed_in("operator"), max_age_days=days)
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert "table" not in page.context


def test_more_candidates_than_a_page_holds_are_not_all_shown(signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.admin.cleanup.MOST_SHOWN", 2)
    for _ in range(3):
        unused_for(factories.make_storage_object(), 40)
    page = candidates(signed_in("operator"))
    assert len(_content(page)) == 2
    assert "Only the first 2 are shown" in page.content.decode()


def _content(page: Any) -> list[str]:
    return [str(row[0]).partition('title="')[2].partition('"')[0] for row in page.context["table"].rows]
