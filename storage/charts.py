"""The charts of the content page, and the links of their numbers."""

from django.urls import reverse

from ncfd_site.adminkit.links import get_list_url
from ncfd_site.core.charts.bars import BarChart, BarItem, build_bar_chart
from ncfd_site.core.formatting import format_quantity, format_size
from storage.models import StorageObject
from storage.overview import GRACE_DAYS, Amount, Bucket, Overview

TIERS = dict(StorageObject.Tier.choices)
AMOUNT_HEADINGS = ("Objects", "Size")


def build_charts(overview: Overview, *, linked: bool) -> list[BarChart]:
    """Return the charts; `linked` adds links to the lists in the admin."""

    def build_url(**filters: str) -> str:
        return get_list_url(StorageObject, **filters) if linked else ""

    # A move changes the tier, never the backend.
    tiers = [
        (
            TIERS.get(tier, tier) if backend == tier else f"{TIERS.get(tier, tier)}, backend {backend}",
            amount,
            build_url(backend_type=backend, tier__exact=tier),
        )
        for (backend, tier), amount in overview.tiers.items()
    ]
    sizes = [_create_item(one.label, amount, build_url(size=one.key)) for one, amount in overview.sizes.items()]
    references = [
        _create_item(one.label, amount, build_url(references=one.key)) for one, amount in overview.by_references.items()
    ]
    return [
        build_bar_chart(
            "bytes",
            "Size by tier",
            ("Tier", "Size", "Objects"),
            [
                BarItem(name, amount.size_bytes, format_size(amount.size_bytes), _format_cells(amount)[::-1], url)
                for name, amount, url in tiers
            ],
        ),
        build_bar_chart(
            "objects", "Objects by tier", ("Tier", *AMOUNT_HEADINGS), [_create_item(*tier) for tier in tiers]
        ),
        build_bar_chart("sizes", "Objects by size", ("Size", *AMOUNT_HEADINGS), sizes),
        build_bar_chart("references", "Objects by reference count", ("References", *AMOUNT_HEADINGS), references),
        build_bar_chart(
            "ages",
            "Unreferenced objects by age",
            ("Last used", *AMOUNT_HEADINGS),
            [
                _create_item(
                    bucket.label,
                    amount,
                    _build_candidates_url(bucket) if linked else "",
                    is_hollow=bucket.start < GRACE_DAYS,
                )
                for bucket, amount in overview.ages.items()
            ],
            separator=f"grace period ({GRACE_DAYS} days)",
            separator_index=sum(bucket.start < GRACE_DAYS for bucket in overview.ages),
        ),
    ]


def _create_item(label: str, amount: Amount, url: str, *, is_hollow: bool = False) -> BarItem:
    text = format_quantity(amount.object_count, "object") if amount.object_count else "0"
    return BarItem(
        label, amount.object_count, text, _format_cells(amount), url if amount.object_count else "", is_hollow
    )


def _format_cells(amount: Amount) -> list[str]:
    return [f"{amount.object_count:,}", format_size(amount.size_bytes)]


def _build_candidates_url(age: Bucket) -> str:
    under = f"&under_days={age.end}" if age.end else ""
    return f"{reverse('admin:storage_storageobject_gc_candidates')}?max_age_days={age.start}{under}"
