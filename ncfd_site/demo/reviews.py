"""Proposed links, and decisions about them: labels, samples, disagreements and promotions.

HP-1 has enough labels for the promotion rule, HP-2 slightly too many wrong ones, HP-3 few labels, HP-4 none.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from linkaudit.models import LinkAudit, LinkPromotionItem, ReviewSample, ReviewSlot
from linkaudit.sampling.interim_analysis import run_due_analyses
from ncfd_site.core import sql
from ncfd_site.demo.catalog import moment
from ncfd_site.demo.claims import Claim, build_claims
from ncfd_site.demo.loader import Loader

# Decisions look random and are the same in each load: the years of Gulliver's Travels and of Robinson Crusoe.
LABEL_SEED, SAMPLE_SEED = 1726, 1719
LABELED_OVER = timedelta(days=35)
# One label in so many has a note.
NOTED = 9
# The share of HP-1's labels whose links are promoted, and how many links of HP-2 adam has promoted himself.
PROMOTED = 0.6
BY_ADAM = 3
# Some links without a label wait for a second opinion.
_PUT_ASIDE = """
UPDATE link_audit SET promotion_status = 'review', updated_at = %s WHERE audit_id IN
    (SELECT audit_id FROM link_audit WHERE label IS NULL AND created_at < %s ORDER BY audit_id DESC LIMIT 5)
"""
_FINISH_SLOTS = """
UPDATE review_slots s SET state = 'done', review_id = r.review_id, reviewer = r.reviewer, done_at = r.reviewed_at,
    leased_by = r.reviewer, lease_token = md5('slot ' || s.slot_id)::uuid,
    leased_at = r.reviewed_at - r.seconds::float * interval '1 second'
FROM link_reviews r
WHERE r.sample_id = s.sample_id AND r.audit_id = s.audit_id AND s.state = 'open'
  AND r.reviewer = CASE s.opinion WHEN 1 THEN 'rita' ELSE 'rose' END
"""
# Links and disagreements are as old as their last decision.
_DECIDED_LINKS = """
UPDATE link_audit a SET updated_at = greatest(r.reviewed_at, a.created_at), promotion_status = CASE
    WHEN a.label = false THEN 'rejected'
    WHEN a.audit_id IN (SELECT audit_id FROM link_disagreements) THEN 'review'
    ELSE a.promotion_status END
FROM (SELECT audit_id, max(reviewed_at) AS reviewed_at FROM link_reviews GROUP BY audit_id) r
WHERE r.audit_id = a.audit_id AND a.updated_at >= now()
"""
_DECIDED_DISAGREEMENTS = """
UPDATE link_disagreements d SET opened_at = (SELECT max(reviewed_at) FROM link_reviews r WHERE r.audit_id = d.audit_id)
"""


def add_reviews(loader: Loader) -> None:
    """Add the proposed links and all decisions; the newest links come last, so that no sample has them."""
    claims, newest = build_claims(loader.publications), loader.calendar.at(-9, 8)
    _add_links(loader, [one for one in claims if moment(one.publication.published, 21) < newest])
    _add_labels(loader)
    _add_samples(loader)
    _add_promotions(loader)
    _add_links(loader, [one for one in claims if moment(one.publication.published, 21) >= newest])


def _add_links(loader: Loader, claims: Iterable[Claim]) -> None:
    loader.add("link_audit", ({**loader.about(claim.publication), "claim": claim} for claim in claims))


def _add_labels(loader: Loader) -> None:
    """Label links of three heuristics, promote some of them, and put some others aside."""
    labels = list(_plan_labels(loader))
    loader.add("link_reviews", labels)
    sql.execute(_DECIDED_LINKS)
    right = [row for row in labels if row["decision"] == "right"]
    promoted = [row for row in right if row["link"].heuristic_applied == "HP-1" and row["is_early"]]
    for row in promoted:
        row["link"].promotion_status, row["link"].updated_at = "promoted", row["at"] + timedelta(days=1)
    LinkAudit.objects.bulk_update([row["link"] for row in promoted], ["promotion_status", "updated_at"])
    pairs = {(row["link"].nct_id, row["link"].asset_id): row for row in reversed(promoted)}
    by_adam = [row for row in right if row["link"].heuristic_applied == "HP-2" and row["reviewer"] == "adam"]
    by_adam = [row for row in by_adam if (row["link"].nct_id, row["link"].asset_id) not in pairs][:BY_ADAM]
    rows = [{**row, "trial_id": loader.trial_ids[row["link"].nct_id]} for row in [*pairs.values(), *by_adam]]
    loader.add("trial_assets_xref", rows)
    studies = {loader.document_ids[url]: study_id for url, study_id in loader.study_ids.items()}
    reported = [row for row in promoted if row["link"].doc_id in studies]
    by_study = {(studies[row["link"].doc_id], row["link"].asset_id): row for row in reported}
    loader.add("study_assets_xref", ({**row, "study_id": study_id} for (study_id, _), row in by_study.items()))
    sql.execute(_PUT_ASIDE, [loader.calendar.at(-6, 10, 12), loader.calendar.at(-20)])


def _add_samples(loader: Loader) -> None:
    """Add a sample with an interim analysis, one of promoted links, and one with open items and disagreements."""
    at = loader.calendar.at
    resolved = _draw_backdated_sample("HP-1", 100, "precision", at(-9, 8))
    _add_decisions(loader, resolved, 100, at(-9, 9))
    run_due_analyses(resolved, at=at(-7, 17))
    _add_decisions(loader, _draw_backdated_sample("HP-1", 20, "promoted", at(-3, 6)), 8, at(-2, 9))
    half = _draw_backdated_sample("HP-2", 60, "precision", at(-2, 6))
    _add_decisions(loader, half, 22, at(-2, 7))
    slots = ReviewSlot.objects.filter(sample_id=half, state="open").order_by("position")
    disputed = slots.filter(opinion=2)
    rows = [{**row, "audit_id": disputed[row["item"]].audit_id} for row in loader.fixed("disagreements")]
    loader.add("link_reviews", ({**row, "sample_id": half} for row in rows))
    sql.execute(_FINISH_SLOTS)
    skips = zip(slots.filter(opinion=1), loader.fixed("skips"), strict=False)
    loader.add("review_skips", ({"slot": slot, **row} for slot, row in skips))
    sql.execute(_DECIDED_LINKS)
    sql.execute(_DECIDED_DISAGREEMENTS)


def _add_promotions(loader: Loader) -> None:
    """Promote links of HP-1, revert that, promote others, and label one of these wrong."""
    at = loader.calendar.at
    first = _promote_links(
        loader, 12, "More than fifty links are labeled, and the promotion rule is met.", at(-3, 10, 20)
    )
    sql.scalar("revert_link_promotion", first, "olga", "Started before the second opinions of that week were complete.")
    loader.backdate(at(-3, 14, 5))
    second = _promote_links(loader, 30, "The second opinions are complete, and agree.", at(-2, 9, 40))
    promoted = LinkPromotionItem.objects.filter(promotion_id=second).values("audit_id")
    wrong = LinkAudit.objects.filter(pk__in=promoted, label=None).earliest("pk")
    loader.add("link_reviews", ({**row, "audit_id": wrong.pk} for row in loader.fixed("wrong_promotion")))
    loader.backdate(at(-1, 11, 30))


def _plan_labels(loader: Loader) -> Iterator[dict[str, Any]]:
    true = {(trial.nct_id, drug.number) for trial in loader.trials for drug in trial.drugs}
    # No secret depends on these choices.
    chance, end, sources = Random(LABEL_SEED), loader.calendar.at(-1, 17), loader.fixed("label_sources")  # noqa: S311
    for plan in loader.fixed("labels"):
        links: dict[bool, list[LinkAudit]] = {True: [], False: []}
        for link in LinkAudit.objects.filter(heuristic_applied=plan["heuristic"]).order_by("pk"):
            links[(link.nct_id, link.asset_id) in true].append(link)
        chosen = [(link, True) for link in chance.sample(links[True], plan["right"])]
        chosen += [(link, False) for link in chance.sample(links[False], plan["wrong"])]
        chance.shuffle(chosen)
        for place, (link, is_true) in enumerate(chosen):
            day = end - LABELED_OVER + LABELED_OVER * (place + 1) / len(chosen)
            # In working hours, and after the link was proposed.
            at = max(day.replace(hour=8 + place * 5 % 9, minute=place * 17 % 60), link.created_at + timedelta(days=1))
            yield {
                "link": link,
                "audit_id": link.pk,
                "decision": "right" if is_true else "wrong",
                **sources[place % len(sources)],
                "at": at,
                "seconds": None,
                "note": (plan["why_right"] if place % NOTED == 0 else None) if is_true else plan["why_wrong"],
                "is_early": place < PROMOTED * len(chosen),
            }


def _draw_backdated_sample(heuristic: str, size: int, purpose: str, at: datetime) -> int:
    sample_id: int = sql.scalar("draw_review_sample", heuristic, size, "0.15", purpose, SAMPLE_SEED, "olga")
    ReviewSample.objects.filter(pk=sample_id).update(drawn_at=at)
    return sample_id


def _add_decisions(loader: Loader, sample_id: int, count: int, at: datetime) -> None:
    """Add decisions on the first items: rita's, and rose's second opinions. Neither finds new wrong links."""
    chance, rows = Random(SAMPLE_SEED), []  # noqa: S311
    wrong = set(LinkAudit.objects.filter(label=False).values_list("pk", flat=True))
    for slot in ReviewSlot.objects.filter(sample_id=sample_id, position__lte=count).order_by("position", "opinion"):
        at += timedelta(seconds=chance.randint(120, 420))
        if at.hour >= 17:
            at = at.replace(hour=8, minute=4) + timedelta(days=1)
        row = {
            **loader.fixed("sample_decisions")[slot.audit_id in wrong],
            "audit_id": slot.audit_id,
            "sample_id": sample_id,
            "at": at,
        }
        row |= {"reviewer": "rita" if slot.opinion == 1 else "rose", "seconds": round(chance.uniform(6, 70), 1)}
        rows.append(row | ({"note": None} if slot.position % row["every"] else {}))
    loader.add("link_reviews", rows)
    sql.execute(_FINISH_SLOTS)


def _promote_links(loader: Loader, count: int, reason: str, at: datetime) -> int:
    promotion_id: int = sql.scalar("start_link_promotion", "HP-1", "olga", reason, "no sample was complete yet")
    sql.value("SELECT promoted FROM promote_links(%s, 0, %s)", [promotion_id, count])
    loader.backdate(at)
    return promotion_id
