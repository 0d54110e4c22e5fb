"""Policy and evidence: two verdicts, never mixed, and the warning over promoted links."""

import pytest
from django.test import Client

from linkaudit.interim_analysis import look_at
from linkaudit.models import LinkAudit
from linkaudit.precision.reports import Report, report_on
from linkaudit.precision.windows import Window
from linkaudit.sampling.options import Purpose
from linkaudit.sampling.services import close_sample
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.reviewing import adjudicate, answer, make_open_links, make_sample, place
from tests.linkaudit.test_heuristic_precision import make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def report(heuristic: str = "HP-1") -> Report:
    found = report_on(heuristic, Window())
    assert found is not None
    return found


def evidence_words(heuristic: str = "HP-1") -> str:
    return report(heuristic).verdicts.evidence.words


@pytest.mark.parametrize(
    ("right", "wrong", "opened", "policy", "interval", "needed"),
    [
        (48, 2, 0, True, (0.865, 0.989), 0),
        (40, 0, 960, False, (0.912, 1), 10),
        (283, 15, 0, False, (0.919, 0.969), 2),
        (57, 3, 0, True, (0.863, 0.983), 0),
        (0, 0, 7, False, None, 50),
    ],
)
def test_labels_make_policy_and_never_evidence(
    rita: Client,
    right: int,
    wrong: int,
    opened: int,
    policy: bool,
    interval: tuple[float, float] | None,
    needed: int,
) -> None:
    make_links("HP-1", right, wrong, opened)
    found = rita.get("/heuristics/HP-1.json").json()
    assert (found["policy"]["passed"], found["policy"]["needs_more_right"]) == (policy, needed)
    assert found["evidence"] == {
        "passed": False,
        "says": "No: no sample has been drawn, so nothing is proven.",
        "sample_id": None,
        "needs_more_right": None,
        "looks": [],
    }
    if interval is None:
        assert found["wilson"] is found["exact"] is found["precision_rate"] is None
        assert "its precision is unknown" in text_of(rita.get("/heuristics/HP-1/"))
    else:
        assert (found["wilson"]["low"], found["wilson"]["high"]) == pytest.approx(interval, abs=6e-4)
        assert found["exact"]["low"] <= found["wilson"]["low"] + 0.01


def test_48_of_50_on_the_page(rita: Client) -> None:
    make_links("HP-1", 48, 2)
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "48 of 50 reviewed links are right: precision 0.9600, 95 % interval 0.8654 to 0.9890 (Wilson)" in words
    assert "0.8629 to 0.9951 (exact)" in words
    assert "Policy ✓ Met: at least 0.95 of at least 50 reviewed links are right." in words
    assert "Evidence ✗ No: no sample has been drawn" in words


def test_evidence_says_how_many_more_it_needs() -> None:
    make_open_links("HP-1", 300)
    sample = make_sample(size=250)
    answer(sample, 30)
    assert evidence_words() == f"Not yet: sample {sample.pk} needs 70 more without a mistake."
    answer(sample, 40, {35: "wrong"})
    # One mistake is too many for the look at 100; that at 200 may have three.
    assert evidence_words() == f"Not yet: sample {sample.pk} needs 160 more without a mistake."
    assert [line.state for line in report().verdicts.evidence.looks] == [
        "cannot pass",
        "to come",
        "sample too small",
        "sample too small",
    ]
    answer(sample, 50, {41: "wrong", 42: "wrong", 43: "wrong"})
    assert (
        evidence_words()
        == f"No: sample {sample.pk} has 4 mistakes, too many for a look that is to come. Draw another one."
    )


def test_evidence_passes_at_a_look(rita: Client) -> None:
    make_open_links("HP-1", 220)
    sample = make_sample(size=200)
    answer(sample, 200, {150: "wrong", 160: "wrong", 170: "wrong", 180: "wrong"})
    look_at(sample.pk)
    assert evidence_words() == (
        f"Yes: 0 wrong among the first 100 places of sample {sample.pk}; precision is at least 0.9571."
    )
    found = rita.get("/heuristics/HP-1.json").json()["evidence"]
    assert found["passed"]
    assert [(look["size"], look["state"], look["wrong"]) for look in found["looks"][:2]] == [
        (100, "passed", 0),
        (200, "not passed", 4),
    ]
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "100 ✓ passed 100 of 100 0 at most 0 wrong 0.9571" in words
    assert "200 ✗ not passed 200 of 200 4 at most 3 wrong" in words


def test_a_look_that_was_taken_stands_and_a_small_or_closed_sample_proves_nothing() -> None:
    make_open_links("HP-1", 49)
    sample = make_sample(size=400)
    answer(sample, 49)
    assert evidence_words() == f"No: sample {sample.pk} has 49 links, and the first look needs 100."
    make_open_links("HP-2", 120)
    other = make_sample("HP-2")
    answer(other, 50)
    close_sample(other.pk, actor=make_user(Role.OPERATOR))
    assert evidence_words("HP-2") == f"No: sample {other.pk} was closed before a look has passed."


def test_drawing_until_one_passes_does_not_pass() -> None:
    make_open_links("HP-1", 400)
    passed, failed = make_sample(size=100, seed=1), make_sample(size=100, seed=2)
    answer(passed, 100)
    look_at(passed.pk)
    assert report().verdicts.evidence.passed
    answer(failed, 100, {1: "wrong"})
    look_at(failed.pk)
    assert not report().verdicts.evidence.passed
    # One that is only begun takes nothing away.
    make_sample(size=100, seed=3)
    assert not report().verdicts.evidence.passed


def test_other_labels_move_policy_and_not_evidence() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample()
    answer(sample, 99)
    LinkAudit.objects.filter(pk__in=make_open_links("HP-1", 80)).update(label=False, label_source="gold_standard")
    sql.scalar("record_link_review", place(sample, 100).audit_id, "wrong", "adam", "bulk")
    found = report()
    assert evidence_words() == f"Not yet: sample {sample.pk} needs 1 more without a mistake."
    assert not found.verdicts.standing.can_promote
    counted = {(each.mode, each.is_evidence): each.correct + each.incorrect for each in found.sources}
    assert counted == {("queue", True): 99, ("sql", False): 80, ("bulk", False): 1}


def test_promoted_links_that_look_worse_than_the_gate_are_flagged(rita: Client) -> None:
    make_open_links("HP-1", 60, promotion_status="promoted")
    sample = make_sample(size=50, purpose=Purpose.PROMOTED)
    assert report().verdicts.watch is None
    answer(sample, 1, {1: "wrong"})
    # A single wrong one leaves the bound exactly at the gate.
    watch = report().verdicts.watch
    assert watch is not None
    assert not watch.is_flagged
    answer(sample, 40, {2: "wrong", 3: "wrong", 4: "wrong", 5: "unsure"})
    said = "Promoted links of HP-1 look worse than the gate: 35 of 39 settled places"
    assert said not in text_of(rita.get("/heuristics/"))
    adjudicate(place(sample, 5).audit_id, "wrong")
    for address in ("/heuristics/", "/heuristics/HP-1/"):
        words = text_of(rita.get(address))
        assert "Promoted links of HP-1 look worse than the gate: 35 of 40 settled places" in words
        assert "and the gate is 0.95" in words
    found = rita.get("/heuristics.json").json()["heuristics"][0]["promoted"]
    assert found["flagged"]
    assert found["upper_bound"] == pytest.approx(0.9494, abs=1e-4)
    # The next sample, of which nothing is known yet, does not take the flag away.
    make_sample(size=10, purpose=Purpose.PROMOTED, seed=2)
    watch = report().verdicts.watch
    assert watch is not None
    assert watch.is_flagged


def test_a_wrong_verdict_on_a_promoted_link_is_listed(rita: Client) -> None:
    [audit_id] = make_open_links("HP-1", 1, promotion_status="promoted")
    assert "labelled wrong all the same" not in text_of(rita.get("/heuristics/HP-1/"))
    rita.post(f"/links/{audit_id}/", {"decision": "wrong", "seen_at": "2020-01-01T00:00:00Z"})
    LinkAudit.objects.filter(pk=audit_id).update(label=False)
    page = rita.get("/heuristics/HP-1/")
    assert "These were promoted and are labelled wrong all the same" in text_of(page)
    assert page.content.decode().count(f'href="/links/{audit_id}/"') == 2
