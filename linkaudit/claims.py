"""A link's claim: the sentence that states it, and the terms to highlight in its document."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.asset_names import UNSPECIFIED, distinct_names
from linkaudit.highlighting import Terms
from linkaudit.models import Asset, LinkAudit

# By `link_type`: the sentence with an asset, and the one without.
SENTENCES = {
    "intervention_of_trial": (
        "This {document} states that {asset} is an intervention of {trial}.",
        "This {document} lists the interventions of {trial}.",
    ),
    "publication_reports_trial": (
        "This {document} reports on {asset} in {trial}.",
        "This {document} reports on {trial}.",
    ),
}
OTHER_SENTENCES = (
    "This {document} ties {asset} to {trial}: {kind}.",
    "This {document} is tied to {trial}: {kind}.",
)


def render_claim(audit: LinkAudit) -> SafeString:
    """Return the claim of a link as a sentence, with the asset and the trial highlighted."""
    named, unnamed = SENTENCES.get(audit.link_type, OTHER_SENTENCES)
    return format_html(
        named if is_specified(audit.asset) else unnamed,
        document=audit.doc.get_source_type_display(),
        asset=_mark("asset", audit.asset.name),
        trial=format_html("trial {}", _mark("trial", audit.nct_id)) if audit.nct_id else "a trial without an NCT ID",
        kind=audit.link_type.replace("_", " ").strip(),
    )


def describe_link(audit: LinkAudit) -> str:
    """Return the asset and the trial of a link as plain text, for headings and messages."""
    return f"{audit.asset.name} in {audit.nct_id or 'a trial without an NCT ID'}"


def is_specified(asset: Asset) -> bool:
    """Return whether the asset is a named drug, not the placeholder for links that name none."""
    return asset.name != UNSPECIFIED


def find_terms(audit: LinkAudit) -> Terms:
    """Return the terms to highlight for a link: the asset's names, if it is specified, and the NCT ID."""
    if not is_specified(audit.asset):
        return Terms([], audit.nct_id or "")
    aliases = audit.asset.aliases.values_list("alias", flat=True)
    return Terms(distinct_names(audit.asset.names_jsonb, aliases), audit.nct_id or "")


def _mark(kind: str, text: str) -> SafeString:
    return format_html('<mark class="{}">{}</mark>', kind, text)
