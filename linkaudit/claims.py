"""A heuristic's claim as a sentence: what the document is said to say of the asset and the trial."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.loading.assets import UNSPECIFIED
from linkaudit.models import Asset, LinkAudit

# What the document does, by `link_type`: with an asset, and where the claim names none.
SENTENCES = {
    "intervention_of_trial": (
        "This {document} says that {asset} is an intervention of {trial}.",
        "This {document} lists the interventions of {trial}.",
    ),
    "publication_reports_trial": (
        "This {document} reports on {asset} in {trial}.",
        "This {document} reports on {trial}.",
    ),
}
# A kind of link that is not above is named in its own word.
OTHER_SENTENCES = (
    "This {document} ties {asset} to {trial}: {kind}.",
    "This {document} is tied to {trial}: {kind}.",
)


def claim_sentence(audit: LinkAudit) -> SafeString:
    """Return what the link claims, as a sentence with the asset and the trial marked."""
    named, unnamed = SENTENCES.get(audit.link_type, OTHER_SENTENCES)
    return format_html(
        named if is_specified(audit.asset) else unnamed,
        document=audit.doc.get_source_type_display(),
        asset=_marked("asset", audit.asset.name),
        trial=format_html("trial {}", _marked("trial", audit.nct_id)) if audit.nct_id else "a trial without a number",
        kind=audit.link_type.replace("_", " ").strip(),
    )


def is_specified(asset: Asset) -> bool:
    """Whether it is a drug with a name, and not the stand-in for links that name none."""
    return asset.name != UNSPECIFIED


def _marked(kind: str, text: str) -> SafeString:
    return format_html('<mark class="{}">{}</mark>', kind, text)
