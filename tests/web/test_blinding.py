"""No page, list, export or API shows a link of an open sample to a user whom the desk can ask about it.

Every URL is read for a link whose second opinion is open. An operator sees the link on the URLs of `SHOWN`; a new URL
that shows it fails here until it is listed, and is thereby checked for those who may label.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client

from linkaudit import bulk
from linkaudit import models as linkaudit
from linkaudit.blinding import is_blind, list_blind
from linkaudit.models import LinkAudit, ReviewSample, ReviewSkip, ReviewSlot
from linkaudit.review.services import UndoResult, lease_slot
from linkaudit.services import adjudicate, label_link
from ncfd_site.adminkit.links import build_object_id
from ncfd_site.core import sql
from tests.admin.conftest import person
from tests.admin.rows import MOMENT
from tests.factories import make_asset, make_document, make_link_audit, make_trial, make_user
from tests.linkaudit.reviewing import decide, find_slot, make_open_links, make_sample
from tests.web.addresses import fillings
from tests.web.reading import text_of
from tests.web.test_matrix import ADDRESSES

pytestmark = pytest.mark.django_db

NUMBER, HEURISTIC, FIRST = 987654321, "HP-VEILED", "zelda"
# Belong to the link alone.
SECRETS = ("note-veiled", "evidence-veiled", "reason-veiled", "how-veiled")
# Elsewhere, this can be a duration.
CONFIDENCE = "0.37"
NAMES = (str(NUMBER), HEURISTIC, FIRST)
ADMIN = "/admin/linkaudit/"
OF_LINKS = (
    "linkaudit", "linkreview", "linkdisagreement", "reviewslot", "reviewskip", "linkpromotionitem", "trialassetlink",
    "studyassetlink",
)  # fmt: skip
OF_HEURISTICS = ("heuristicprecision", "linkpromotion", "reviewsample")
# URLs that show it to an operator.
SHOWN = {
    "/search/", "/links/", "/links/<int:audit_id>/", "/links/<int:audit_id>/undo/",
    "/heuristics/<path:name>/", "/promotions/<int:promotion_id>/",
    "/trials/<str:nct_id>/", "/exports/<str:name>/<str:format_name>/", "/api/v1/links", "/api/v1/links/<audit_id>",
    "/api/v1/trials/<nct_id>", f"{ADMIN}asset/<path:object_id>/change/",
    *(f"{ADMIN}{name}/" for name in OF_LINKS), *(f"{ADMIN}{name}/<path:object_id>/change/" for name in OF_LINKS),
    f"{ADMIN}linkaudit/<path:object_id>/history/", *(f"/exports/linkaudit.{name}/csv/" for name in OF_LINKS),
}  # fmt: skip
# These show a name on its own: a heuristic in filters and charts, the reviewers of all links, the number of the URL.
# The page of a hidden row redirects to its list, with a message.
NAMES_ONLY = {
    str(NUMBER): {
        "/search/", "/links/<int:audit_id>/", "/links/<int:audit_id>/undo/",
        "/adjudication/<int:audit_id>/", "/api/v1/links/<audit_id>", "redirected",
    },
    HEURISTIC: {
        "/", "/links/", "/heuristics/", "/heuristics.json", "/heuristics/<path:name>/", "/heuristics/<path:name>.json",
        "/heuristics/<path:name>/samples/draw/",
        "/heuristics/<path:name>/promote/", "/promotions/", "/promotions/<int:promotion_id>/", "/review/",
        "/api/v1/heuristics", "/api/v1/heuristics/<name>", "/api/v1/dashboard", "/agreement/", "redirected",
        *(f"{ADMIN}{name}/" for name in (*OF_LINKS, *OF_HEURISTICS)),
        *(f"{ADMIN}{name}/<path:object_id>/change/" for name in OF_HEURISTICS),
        *(f"/exports/linkaudit.{name}/csv/" for name in OF_HEURISTICS),
    },
    FIRST: {"/agreement/", "/review/mine/", f"{ADMIN}linkaudit/", f"{ADMIN}linkreview/", "redirected"},
}  # fmt: skip
QUERIES = {"/links/": "?label=any", "/search/": f"?q={NUMBER}", "/exports/<str:name>/<str:format_name>/": "?label=any"}
# Signs the reader out.
UNREAD = {"/accounts/logout/", "/admin/logout/"}


@pytest.fixture
def veiled(settings: LazySettings, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Create a link with a first opinion and an open second one, and a row about it in every table; return them."""
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.CONTENT_ROOT = tmp_path
    asset, document, trial = make_asset("Veilumab"), make_document("Veilumab"), make_trial()
    link = make_link_audit(
        audit_id=NUMBER, asset=asset, doc=document, nct_id=trial.nct_id, heuristic_applied=HEURISTIC,
        confidence=CONFIDENCE, evidence_jsonb={"passage": "evidence-veiled"}, promotion_status="promoted",
    )  # fmt: skip
    promotion = linkaudit.LinkPromotion.objects.create(
        heuristic=HEURISTIC,
        promoted_by="olga",
        promoted_at=MOMENT,
        reason="rule met",
        override_reason="no sample yet",
        precision_counts={"correct_links": 60, "reviewed_links": 60, "precision_rate": 1},
    )
    item = linkaudit.LinkPromotionItem.objects.create(
        promotion=promotion, audit_id=NUMBER, previous_status="how-veiled"
    )
    sample = make_sample(HEURISTIC, 1, second="1")
    first = find_slot(sample, 1)
    review = decide(first, "wrong", FIRST)
    sql.execute("UPDATE link_audit SET review_notes = 'note-veiled' WHERE audit_id = %s", [NUMBER])
    skip = ReviewSkip.objects.create(slot=first, audit_id=NUMBER, reviewer="yara", reason="reason-veiled")
    promoted = {"how": "how-veiled", "confidence": CONFIDENCE, "link_source": "link_audit", "source_doc": document}
    return {
        "linkaudit": link,
        "asset": asset,
        "trial": trial,
        "linkpromotion": promotion,
        "linkpromotionitem": item,
        "reviewsample": sample,
        "reviewslot": first,
        "linkreview": linkaudit.LinkReview.objects.get(pk=review),
        "reviewskip": skip,
        "linkdisagreement": linkaudit.LinkDisagreement.objects.create(
            audit_id=NUMBER, heuristic=HEURISTIC, reason="unsure"
        ),
        "heuristicprecision": linkaudit.HeuristicPrecision(heuristic_applied=HEURISTIC),
        "trialassetlink": linkaudit.TrialAssetLink.objects.create(trial=trial, asset=asset, **promoted),
        "studyassetlink": linkaudit.StudyAssetLink.objects.create(study_id="1", asset=asset, **promoted),
    }


def find_marks(pattern: str, text: str) -> set[str]:
    """Return what a page shows of the link."""
    marks = (*SECRETS, *NAMES, CONFIDENCE) if pattern in SHOWN else (*SECRETS, *NAMES)
    return {mark for mark in marks if mark in text}


def read_all(user: User, targets: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield the pattern and the text of each URL; a hidden row redirects to its list."""
    client = Client()
    client.force_login(user)
    for pattern, urls in targets.items():
        for url in urls:
            answer: Any = client.get(url, follow=True)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            yield "redirected" if answer.redirect_chain else pattern, content.decode()


def list_targets(veiled: dict[str, Any]) -> dict[str, list[str]]:
    """Return the URLs of every pattern, about the rows of the link where the pattern has a key."""
    nct_id, heuristic = veiled["trial"].nct_id, HEURISTIC
    promotion = veiled["linkpromotion"].pk
    fill = fillings(audit_id=NUMBER, nct_id=nct_id, promotion_id=promotion, doc_id=veiled["linkaudit"].doc_id)
    targets = {}
    for address in ADDRESSES:
        if address.pattern in UNREAD:
            continue
        target = fill(address) + QUERIES.get(address.pattern, "")
        if address.pattern.startswith("/heuristics/") or address.pattern.endswith("/heuristics/<name>"):
            target = address.pattern.replace("<path:name>", heuristic).replace("<name>", heuristic)
        targets[address.pattern] = [target]
        table = address.pattern.removeprefix(ADMIN).partition("/")[0]
        if address.pattern.startswith(ADMIN) and "<path:object_id>" in address.pattern and table in veiled:
            key = build_object_id(veiled[table])
            targets[address.pattern] = [address.pattern.replace("<path:object_id>", key)]
    names = [*OF_LINKS, "linkpromotion", "reviewsample", "interimanalysis"]
    return targets | {url: [url] for url in (f"/exports/linkaudit.{name}/csv/" for name in names)}


def test_no_url_shows_it_to_users_who_can_be_asked(veiled: dict[str, Any]) -> None:
    targets = list_targets(veiled)
    marks: dict[str, set[str]] = {}
    for pattern, text in read_all(person("operator"), targets):
        marks.setdefault(pattern, set()).update(find_marks(pattern, text))
    assert {pattern for pattern, found in marks.items() if found & {*SECRETS, CONFIDENCE, str(NUMBER)}} == SHOWN
    assert set().union(*marks.values()) == {*SECRETS, *NAMES, CONFIDENCE}
    for who in ("superuser", "adjudicator", "reviewer"):
        user = person(who)
        # The superuser has every page; the others read those that show something.
        read = targets if who == "superuser" else {each: targets[each] for each in targets if marks[each]}
        leaks = {
            (pattern, mark)
            for pattern, text in read_all(user, read)
            for mark in find_marks(pattern, text)
            if pattern not in NAMES_ONLY.get(mark, ())
        }
        assert leaks == set(), who


def test_a_link_is_hidden_while_the_desk_can_ask(adam: User, olga: User) -> None:
    rita = make_user()
    (link,) = make_open_links("HP-1", 1)
    assert not is_blind(link, adam)
    sample = make_sample("HP-1", 1, second="1")

    def hidden_from() -> set[str]:
        return {user.username for user in (rita, adam, olga) if is_blind(link, user)}

    assert hidden_from() == {"rita", "adam"}
    assert list_blind(adam, heuristic_applied="HP-1") == [link]
    first = decide(find_slot(sample, 1), "right")
    assert hidden_from() == {"adam"}
    leased = lease_slot(actor=adam)
    assert leased is not None
    ReviewSample.objects.update(closed_at=MOMENT, closed_by="olga")
    assert hidden_from() == {"adam"}
    ReviewSlot.objects.filter(pk=leased.pk).update(leased_by=None, lease_until=None)
    assert hidden_from() == set()
    ReviewSample.objects.update(closed_at=None, closed_by=None)
    skip = ReviewSkip.objects.create(slot=leased, audit_id=link, reviewer="adam", reason="cannot read it")
    assert hidden_from() == {"adam"}
    ReviewSkip.objects.filter(pk=skip.pk).update(skipped_at=MOMENT)
    assert hidden_from() == set()
    # An undone decision is served to its reviewer again, and its slot is not the one that adam skipped.
    token = sql.call("undo_review", first, "rita", timedelta(minutes=10), timedelta(minutes=10), of=UndoResult)[0].token
    assert token is not None
    assert hidden_from() == {"rita", "adam"}


def test_hidden_links_are_not_labeled(client: Client, adam: User) -> None:
    links = make_open_links("HP-1", 2)
    sample = make_sample("HP-1", 1, second="1")
    asked = find_slot(sample, 1).audit_id
    (other,) = {*links} - {asked}
    decide(find_slot(sample, 1), "unsure")
    client.force_login(adam)
    block = f"Link {asked} is in an open sample that can ask you. Decide at the review desk"
    audit = LinkAudit.objects.get(pk=asked)
    form = {"decision": "right", "note": "", "seen_at": audit.updated_at.isoformat()}
    answer = client.post(f"/links/{asked}/", form)
    assert (answer.status_code, block in text_of(answer)) == (403, True)
    assert block in text_of(client.post(f"{ADMIN}linkaudit/{asked}/label/", form, follow=True))
    assert client.get(f"/adjudication/{asked}/").status_code == 404
    assert "1 more link awaits a second opinion that you can be asked for." in text_of(client.get("/adjudication/"))
    for label in (lambda: label_link(asked, True, actor=adam), lambda: adjudicate(asked, "right", "x", actor=adam)):
        with pytest.raises(PermissionDenied, match=block):
            label()
    result = bulk.label_links([asked, other], "right", "all of them", is_changed=lambda _: False, actor=adam)
    assert (result["labeled"], result["blind"]) == ([other], [asked])
    reviews = linkaudit.LinkReview.objects.order_by("pk").values_list("audit_id", "decision", "mode")
    assert list(reviews) == [(asked, "unsure", "queue"), (other, "right", "bulk")]
    decide(find_slot(sample, 1, 2), "right", "zelda")
    assert client.get(f"/adjudication/{asked}/").status_code == 200
    adjudicate(asked, "right", "because of the text", actor=adam)
    assert LinkAudit.objects.get(pk=asked).label is True


@pytest.fixture
def adam() -> User:
    return make_user("adjudicator")


@pytest.fixture
def olga() -> User:
    return make_user("operator")
