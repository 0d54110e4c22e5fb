"""The sentence that states a claim."""

import pytest
from django.utils.html import strip_tags

from linkaudit.claims import render_claim
from linkaudit.models import Asset, LinkAudit
from storage.models import Document


@pytest.mark.parametrize(
    ("link_type", "asset", "nct_id", "sentence"),
    [
        (
            "intervention_of_trial",
            "AB-101",
            "NCT01234567",
            "This registry record states that AB-101 is an intervention of trial NCT01234567.",
        ),
        (
            "publication_reports_trial",
            "unspecified",
            "NCT01234567",
            "This registry record reports on trial NCT01234567.",
        ),
        (
            "nct_near_asset",
            "AB-101",
            None,
            "This registry record ties AB-101 to a trial without an NCT ID: nct near asset.",
        ),
    ],
)
def test_sentence(link_type: str, asset: str, nct_id: str | None, sentence: str) -> None:
    audit = LinkAudit(
        doc=Document(source_type="Registry"),
        asset=Asset(names_jsonb={"inn": asset}),
        nct_id=nct_id,
        link_type=link_type,
    )
    assert strip_tags(render_claim(audit)) == sentence
