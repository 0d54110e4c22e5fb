"""Drugs as assets, every name of theirs, and pairs that may be one."""

from typing import Any

from linkaudit.loading.asset_names import comparable
from linkaudit.models import Asset, AssetAlias, MergeCandidate
from ncfd_site.demonstration.catalogue.drugs import DRUGS, Drug
from ncfd_site.demonstration.plan.calendar import Calendar

# Assets that other sources made of names that they did not know.
STRAYS = {"stray_code": {"code": "LG-0140"}, "stray_depot": {"name": "larderetide depot"}}
# Two assets, why they look alike, the evidence, and what was decided by whom with which words.
PAIRS: list[tuple[str, str, str, dict[str, Any], str, str | None]] = [
    (
        "cheshirebercept",
        "stray_code",
        "same code, spelt otherwise",
        {"code_1": "LGO-140", "code_2": "LG-0140", "shared_alias": "LG-0140"},
        "pending",
        None,
    ),
    (
        "mockturtine",
        "immortinib",
        "same code",
        {"shared_alias": "MX-210", "makers": ["Mock Turtle", "Luggnagg"]},
        "rejected",
        "Two makers use MX-210 for different drugs.",
    ),
    (
        "larderetide",
        "stray_depot",
        "one name within the other",
        {"inn": "larderetide", "other_name": "larderetide depot"},
        "approved",
        "A form of the same peptide.",
    ),
    (
        "boreagene",
        "amaurogene",
        "same target and modality",
        {"target": "dystrophin", "modality": "gene therapy", "similarity": 0.71},
        "pending",
        None,
    ),
]


def add_assets(calendar: Calendar) -> dict[str, int]:
    """Add every drug with its names, and the pairs; returns the assets' numbers by key."""
    since = calendar.at(-239, 2)
    names = {**{drug.key: _names(drug) for drug in DRUGS.values()}, **STRAYS}
    assets = Asset.objects.bulk_create(
        Asset(
            names_jsonb=given,
            modality=DRUGS[key].modality if key in DRUGS else None,
            target=DRUGS[key].target if key in DRUGS else None,
            moa=DRUGS[key].moa if key in DRUGS else None,
            created_at=since,
            updated_at=since,
        )
        for key, given in names.items()
    )
    numbers = dict(zip(names, (asset.pk for asset in assets), strict=True))
    AssetAlias.objects.bulk_create(
        AssetAlias(
            asset_id=numbers[key],
            alias=name,
            alias_norm=comparable(name),
            alias_type=kind if kind != "name" else "other",
            source="demonstration",
            created_at=since,
        )
        for key, given in names.items()
        for kind, name in given.items()
    )
    AssetAlias.objects.bulk_create(
        AssetAlias(
            asset_id=numbers[drug.key],
            alias=drug.other_codes,
            alias_norm=comparable(drug.other_codes),
            alias_type="code",
            source="licence agreement",
            created_at=since,
        )
        for drug in DRUGS.values()
        if drug.other_codes
    )
    MergeCandidate.objects.bulk_create(
        MergeCandidate(
            asset_1_id=numbers[one],
            asset_2_id=numbers[other],
            merge_reason=reason,
            evidence_jsonb=evidence,
            status=status,
            reviewed_by="adam" if notes else None,
            reviewed_at=calendar.at(-20, 14) if notes else None,
            review_notes=notes,
            created_at=calendar.at(-31, 3),
            updated_at=calendar.at(-20, 14) if notes else calendar.at(-31, 3),
        )
        for one, other, reason, evidence, status, notes in PAIRS
    )
    return numbers


def _names(drug: Drug) -> dict[str, str]:
    given = {"inn": drug.inn, "code": drug.code, "brand": drug.brand}
    return {kind: name for kind, name in given.items() if name}
