"""The promotion rule and sample evidence are independent; the check of promoted links warns."""

import pytest
from django.test import Client

from linkaudit.models import LinkAudit
from linkaudit.precision.forms import Window
from linkaudit.precision.reports import Report, build_report
from linkaudit.sampling.interim_analysis import run_due_analyses
from linkaudit.sampling.services import Purpose, close_sample
from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.linkaudit.reviewing import adjudicate, decide_first, find_slot, make_open_links, make_sample
from tests.linkaudit.test_heuristic_precision import make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def report(heuristic: str = "HP-1") -> Report:
    return build_report(heuristic, Window())


def summary(heuristic: str = "HP-1") -> str:
    return report(heuristic).assessment.evidence.summary


@pytest.mark.parametrize(
    ("right", "wrong", "opened", "is_met", "interval", "needed"),
    [
        (48, 2, 0, True, (0.865, 0.989), 0),
        (40, 0, 960, False, (0.912, 1), 10),
        (283, 15, 0, False, (0.919, 0.969), 2),
        (57, 3, 0, True, (0.863, 0.983), 0),
        (0, 0, 7, False, None, 50),
    ],
)
def test_labels_meet_the_rule_and_are_not_sample_evidence(
    rita: Client,
    right: int,
    wrong: int,
    opened: int,
    is_met: bool,
    interval: tuple[float, float] | None,
    needed: int,
) -> None:
    make_links("HP-1", right, wrong, opened)
    found = rita.get("/heuristics/HP-1.json").json()
    assert (found["promotion_rule"]["passed"], found["promotion_rule"]["needed_links"]) == (is_met, needed)
    assert found["sample_evidence"] == {
        "passed": False,
        "summary": "Not proven: no sample drawn.",
        "sample_id": None,
        "needed_links": None,
        "interim_analyses": [],
    }
    if interval is None:
        assert found["wilson"] is found["exact"] is found["precision_rate"] is None
        assert "precision unknown" in text_of(rita.get("/heuristics/HP-1/"))
    else:
        assert (found["wilson"]["low"], found["wilson"]["high"]) == pytest.approx(interval, abs=6e-4)
        assert found["exact"]["low"] <= found["wilson"]["low"] + 0.01


def test_page_with_48_of_50_right(rita: Client) -> None:
    make_links("HP-1", 48, 2)
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "48 of 50 reviewed links are right: precision 0.9600, 95 % interval 0.8654 to 0.9890 (Wilson)" in words
    assert "0.8629 to 0.9951 (exact)" in words
    assert "Promotion rule ✓ Met (≥ 95 % of ≥ 50 reviewed)" in words
    assert "Sample evidence ✗ Not proven: no sample drawn." in words


def test_summary_shows_the_needed_items() -> None:
    make_open_links("HP-1", 300)
    sample = make_sample(size=250)
    decide_first(sample, 30)
    assert summary() == f"Not proven yet: sample {sample.pk} needs 70 more correct, no errors."
    decide_first(sample, 40, {35: "wrong"})
    # One error is too many at 100; at 200, three are allowed.
    assert summary() == f"Not proven yet: sample {sample.pk} needs 160 more correct, no errors."
    assert [row.state for row in report().assessment.evidence.rows] == [
        "cannot pass",
        "planned",
        "sample too small",
        "sample too small",
    ]
    decide_first(sample, 50, {41: "wrong", 42: "wrong", 43: "wrong"})
    assert (
        summary() == f"Not proven: 4 errors in sample {sample.pk}; no remaining analysis can pass. Draw a new sample."
    )


def test_evidence_is_proven_by_an_analysis(rita: Client) -> None:
    make_open_links("HP-1", 220)
    sample = make_sample(size=200)
    decide_first(sample, 200, {150: "wrong", 160: "wrong", 170: "wrong", 180: "wrong"})
    run_due_analyses(sample.pk)
    assert summary() == (f"Proven: 0 errors in the first 100 items of sample {sample.pk}; precision ≥ 0.9571.")
    found = rita.get("/heuristics/HP-1.json").json()["sample_evidence"]
    assert found["passed"]
    assert [(look["size"], look["state"], look["error_count"]) for look in found["interim_analyses"][:2]] == [
        (100, "passed", 0),
        (200, "not passed", 4),
    ]
    words = text_of(rita.get("/heuristics/HP-1/"))
    assert "100 ✓ passed 100 of 100 0 0 0.9571" in words
    assert "200 ✗ not passed 200 of 200 4 3" in words


def test_small_and_closed_samples_prove_nothing() -> None:
    make_open_links("HP-1", 49)
    sample = make_sample(size=400)
    decide_first(sample, 49)
    assert summary() == f"Not proven: sample {sample.pk} has 49 links; the first analysis needs 100."
    make_open_links("HP-2", 120)
    other = make_sample("HP-2")
    decide_first(other, 50)
    close_sample(other.pk, actor=make_user(Role.OPERATOR))
    assert summary("HP-2") == f"Not proven: sample {other.pk} was closed before an analysis passed."


def test_earlier_pass_does_not_count_after_a_failure() -> None:
    make_open_links("HP-1", 400)
    passed, failed = make_sample(size=100, seed=1), make_sample(size=100, seed=2)
    decide_first(passed, 100)
    run_due_analyses(passed.pk)
    assert report().assessment.evidence.is_proven
    decide_first(failed, 100, {1: "wrong"})
    run_due_analyses(failed.pk)
    assert not report().assessment.evidence.is_proven
    # An incomplete sample changes nothing.
    make_sample(size=100, seed=3)
    assert not report().assessment.evidence.is_proven


def test_other_labels_change_the_rule_and_not_the_evidence() -> None:
    make_open_links("HP-1", 100)
    sample = make_sample()
    decide_first(sample, 99)
    LinkAudit.objects.filter(pk__in=make_open_links("HP-1", 80)).update(label=False, label_source="gold_standard")
    sql.scalar("record_link_review", find_slot(sample, 100).audit_id, "wrong", "adam", "bulk")
    found = report()
    assert summary() == f"Not proven yet: sample {sample.pk} needs 1 more correct, no errors."
    assert not found.assessment.status.can_promote
    counted = {(each.mode, each.is_sample_evidence): each.correct + each.incorrect for each in found.breakdowns.sources}
    assert counted == {("queue", True): 99, ("sql", False): 80, ("bulk", False): 1}


def test_promoted_links_below_the_required_precision_are_flagged(rita: Client) -> None:
    make_open_links("HP-1", 60, promotion_status="promoted")
    sample = make_sample(size=50, purpose=Purpose.PROMOTED)
    assert report().assessment.promoted is None
    decide_first(sample, 1, {1: "wrong"})
    # With one link, which is wrong, the bound equals the threshold.
    check = report().assessment.promoted
    assert check is not None
    assert not check.is_flagged
    decide_first(sample, 40, {2: "wrong", 3: "wrong", 4: "wrong", 5: "unsure"})
    assert "below the required precision" not in text_of(rita.get("/heuristics/"))
    adjudicate(find_slot(sample, 5).audit_id, "wrong")
    for address in ("/heuristics/", "/heuristics/HP-1/"):
        words = text_of(rita.get(address))
        assert "Promoted links of HP-1 are below the required precision of 0.95: 35 of 40 correct in sample" in words
    found = rita.get("/heuristics.json").json()["heuristics"][0]["promoted"]
    assert found["flagged"]
    assert found["upper_bound"] == pytest.approx(0.9494, abs=1e-4)
    # A new sample without decisions does not remove the warning.
    make_sample(size=10, purpose=Purpose.PROMOTED, seed=2)
    check = report().assessment.promoted
    assert check is not None
    assert check.is_flagged


def test_wrong_promoted_link_is_listed(rita: Client) -> None:
    [audit_id] = make_open_links("HP-1", 1, promotion_status="promoted")
    assert "later labeled wrong" not in text_of(rita.get("/heuristics/HP-1/"))
    rita.post(f"/links/{audit_id}/", {"decision": "wrong", "seen_at": "2020-01-01T00:00:00Z"})
    LinkAudit.objects.filter(pk=audit_id).update(label=False)
    page = rita.get("/heuristics/HP-1/")
    assert "Promoted links later labeled wrong" in text_of(page)
    assert page.content.decode().count(f'href="/links/{audit_id}/"') == 2
