"""Labelling many links at once: what it reports, what it leaves, and that two of them never deadlock."""

import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from linkaudit.models import LinkAudit
from linkaudit.services import LabelResult, label_links
from ncfd_site.roles import Role
from tests.factories import make_link_audit, make_user


@pytest.mark.django_db
def test_each_link_is_reported_once_for_what_became_of_it() -> None:
    rita = make_user()
    opened = [make_link_audit().pk for _ in range(2)]
    same = make_link_audit(label=True, review_notes="bulk").pk
    other = make_link_audit(label=False, reviewed_by="adam").pk
    gone = 10**15
    result = label_links([gone, other, same, *reversed(opened), opened[0]], True, actor=rita, note="bulk")
    assert result == LabelResult(labelled=tuple(opened), unchanged=(same,), refused=(other,), missing=(gone,))
    assert LinkAudit.objects.filter(label=True, reviewed_by="rita", review_notes="bulk").count() == 3


@pytest.mark.django_db
def test_without_a_note_the_same_verdict_changes_nothing() -> None:
    rita, same = make_user(), make_link_audit(label=True, review_notes="clear")
    assert label_links([same.pk], True, actor=rita) == LabelResult((), (same.pk,), (), ())
    assert LinkAudit.objects.get(pk=same.pk).updated_at == same.updated_at


@pytest.mark.django_db
def test_an_adjudicator_may_put_anybodys_back_to_open() -> None:
    adam, audit = make_user(Role.ADJUDICATOR), make_link_audit(label=False, reviewed_by="rita")
    assert label_links([audit.pk], None, actor=adam).labelled == (audit.pk,)
    stored = LinkAudit.objects.get(pk=audit.pk)
    assert (stored.label, stored.label_source, stored.reviewed_by, stored.reviewed_at) == (None, None, None, None)


@pytest.mark.django_db
def test_who_may_not_label_is_told_before_anything_is_written() -> None:
    audit = make_link_audit()
    with pytest.raises(PermissionDenied, match=r"linkaudit\.label_linkaudit"):
        label_links([audit.pk], True, actor=make_user(Role.OPERATOR))
    assert LinkAudit.objects.get(pk=audit.pk).label is None


@pytest.mark.django_db(transaction=True)
def test_two_people_with_overlapping_selections_wait_and_never_deadlock() -> None:
    rita, adam = make_user(), make_user(Role.ADJUDICATOR)
    ids = [make_link_audit().pk for _ in range(40)]
    failures: list[Exception] = []
    ready = threading.Barrier(2)

    def label(selection: list[int], verdict: bool, actor: object) -> None:
        try:
            ready.wait()
            label_links(selection, verdict, actor=actor)  # type: ignore[arg-type]
        except Exception as failure:  # noqa: BLE001  (whatever it is, the test must say it)
            failures.append(failure)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=label, args=(ids, True, rita)),
        threading.Thread(target=label, args=(ids[::-1], False, adam)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert LinkAudit.objects.filter(pk__in=ids).values("label", "reviewed_by").distinct().count() == 1
