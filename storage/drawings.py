"""Which charts the page of content shows, and where each of their numbers leads."""

from django.urls import reverse

from ncfd_site.adminkit.links import list_url
from ncfd_site.core.charts.bars import BarChart, BarItem, build_bar_chart
from ncfd_site.core.formatting import format_size
from storage.buckets import GRACE_DAYS, Bucket
from storage.models import StorageObject
from storage.overview import Amount, Overview

TIERS = dict(StorageObject.Tier.choices)
BY_CONTENTS = ("Contents", "Bytes")


def charts(found: Overview, *, linked: bool) -> list[BarChart]:
    """Return the charts; `linked` where the reader may open the lists that the numbers lead to."""
    places = list(found.places.items())
    return [
        build_bar_chart(
            "bytes",
            "Bytes by place",
            ("Place", "Bytes", "Contents"),
            [
                BarItem(
                    _place(*place),
                    one.size_bytes,
                    format_size(one.size_bytes),
                    _cells(one)[::-1],
                    _place_url(*place, linked),
                )
                for place, one in places
            ],
        ),
        build_bar_chart(
            "contents",
            "Contents by place",
            ("Place", *BY_CONTENTS),
            [_line(_place(*place), one, _place_url(*place, linked)) for place, one in places],
        ),
        build_bar_chart(
            "sizes",
            "Contents by size",
            ("Size", *BY_CONTENTS),
            [_line(at.words, one, _list(linked, size=at.key)) for at, one in found.sizes.items()],
        ),
        build_bar_chart(
            "references",
            "Contents by number of references",
            ("References", *BY_CONTENTS),
            [_line(at.words, one, _list(linked, references=at.key)) for at, one in found.by_references.items()],
        ),
        build_bar_chart(
            "ages",
            "Contents without a reference, by the time since their last use",
            ("Last used", *BY_CONTENTS),
            [
                _line(at.words, one, _candidates(at) if linked else "", is_hollow=at.low < GRACE_DAYS)
                for at, one in found.ages.items()
            ],
            separator=f"{GRACE_DAYS} days of grace are over: candidates for cleaning",
            separator_index=sum(at.low < GRACE_DAYS for at in found.ages),
        ),
    ]


def _line(words: str, amount: Amount, url: str, *, is_hollow: bool = False) -> BarItem:
    cells = _cells(amount)
    told = f"{cells[0]} content{'' if amount.contents == 1 else 's'}" if amount.contents else "0"
    return BarItem(words, amount.contents, told, cells, url if amount.contents else "", is_hollow)


def _cells(amount: Amount) -> list[str]:
    return [f"{amount.contents:,}", format_size(amount.size_bytes)]


def _place(backend_type: str, tier: str) -> str:
    place = TIERS.get(tier, tier)
    # A row keeps the backend that it began with, wherever its bytes have moved.
    return place if backend_type == tier else f"{place}, of backend {backend_type}"


def _place_url(backend_type: str, tier: str, linked: bool) -> str:
    return _list(linked, backend_type=backend_type, tier__exact=tier)


def _list(linked: bool, **filters: str) -> str:
    return list_url(StorageObject, **filters) if linked else ""


def _candidates(age: Bucket) -> str:
    under = f"&under_days={age.below}" if age.below else ""
    return f"{reverse('admin:storage_storageobject_cleanup')}?max_age_days={age.low}{under}"
