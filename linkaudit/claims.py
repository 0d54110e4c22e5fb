"""A heuristic's claim as a sentence, and the words for what kind of link it is."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.models import LinkAudit

# What the document does, by `link_type`. A kind that is not here is named in its own word.
SENTENCES = {
    "registered_intervention": "This {document} says that {asset} is an intervention of trial {trial}.",
    "publication_reports_trial": "This {document} reports on {asset} in trial {trial}.",
}
OTHER_SENTENCE = "This {document} ties {asset} to trial {trial}: {kind}."


def claim_sentence(audit: LinkAudit) -> SafeString:
    """Return what the link claims, as a sentence with the asset and the trial marked."""
    return format_html(
        SENTENCES.get(audit.link_type, OTHER_SENTENCE),
        document=audit.doc.get_source_type_display(),
        asset=_marked("asset", audit.asset.name),
        trial=_marked("trial", audit.nct_id) if audit.nct_id else "without a number",
        kind=in_words(audit.link_type),
    )


def in_words(link_type: str) -> str:
    """Return a kind of link as words: `nct_near_asset` is "nct near asset"."""
    return link_type.replace("_", " ").strip()


def _marked(kind: str, text: Any) -> SafeString:
    return format_html('<mark class="{}">{}</mark>', kind, text)
