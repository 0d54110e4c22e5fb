"""A link's claim: the sentence that states it, and its terms highlighted in plain text, as safe HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from linkaudit.models import LinkAudit

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
# A name of one letter would highlight half of the page.
MIN_NAME_LENGTH = 2
# The plain hyphen is last: elsewhere in a character class it would make a range.
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212-"

Kind = Literal["asset", "trial"]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms to highlight: the names of an asset, and an NCT ID ("" for none)."""

    asset_names: Sequence[str] = ()
    nct_id: str = ""


@dataclass(frozen=True, slots=True)
class HighlightedText:
    """A text as HTML with `<mark>` elements, and the number of matches of each kind."""

    html: SafeString
    asset_count: int
    trial_count: int


def render_claim(audit: LinkAudit) -> SafeString:
    """Return the claim of a link as a sentence, with the asset and the trial highlighted."""
    named, unnamed = SENTENCES.get(audit.link_type, OTHER_SENTENCES)
    return format_html(
        named if audit.asset.is_specified else unnamed,
        document=audit.doc.get_source_type_display(),
        asset=format_html('<mark class="asset">{}</mark>', audit.asset.name),
        trial=format_html('trial <mark class="trial">{}</mark>', audit.nct_id)
        if audit.nct_id
        else "a trial without an NCT ID",
        kind=audit.link_type.replace("_", " ").strip(),
    )


def describe_link(audit: LinkAudit | None) -> str:
    """Return the asset and the trial of a link (None: deleted) as plain text, for headings and messages."""
    if audit is None:
        return "a deleted link"
    return f"{audit.asset.name} in {audit.nct_id or 'a trial without an NCT ID'}"


def highlight(text: str, terms: Terms) -> HighlightedText:
    """Return `text` escaped, with each whole occurrence of a term in `<mark class="asset">` or `"trial"`.

    Case is ignored; spaces and hyphens in a name match each other ("AB-101", "AB 101", "AB101").
    """
    pattern = _compile_terms(terms)
    if pattern is None:
        return HighlightedText(escape(text), 0, 0)
    counts: dict[Kind, int] = {"asset": 0, "trial": 0}
    parts: list[str] = []
    position = 0
    for match in pattern.finditer(text):
        kind: Kind = "trial" if match.lastgroup == "trial" else "asset"
        counts[kind] += 1
        parts.append(escape(text[position : match.start()]))
        parts.append(f'<mark class="{kind}">{escape(match.group())}</mark>')
        position = match.end()
    parts.append(escape(text[position:]))
    # Every part is escaped above, and the tag around a match is a constant.
    return HighlightedText(mark_safe("".join(parts)), counts["asset"], counts["trial"])  # noqa: S308


def highlight_with_quote(text: str, terms: Terms, start: int, end: int) -> HighlightedText:
    """Highlight `text`, with the characters from `start` to `end` in `<span class="quote" id="quote">`."""
    parts = [highlight(part, terms) for part in (text[:start], text[start:end], text[end:])]
    before, inside, after = (part.html for part in parts)
    return HighlightedText(
        format_html('{}<span class="quote" id="quote">{}</span>{}', before, inside, after),
        sum(part.asset_count for part in parts),
        sum(part.trial_count for part in parts),
    )


def _compile_terms(terms: Terms) -> re.Pattern[str] | None:
    groups = []
    if terms.nct_id.strip():
        groups.append(f"(?P<trial>{_build_alternatives_pattern([terms.nct_id])})")
    names = [name for name in terms.asset_names if len(name.strip()) >= MIN_NAME_LENGTH]
    if names:
        groups.append(f"(?P<asset>{_build_alternatives_pattern(names)})")
    if not groups:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(groups)})(?!\w)", re.IGNORECASE)


def _build_alternatives_pattern(names: Iterable[str]) -> str:
    patterns = []
    # Longest first, so that "insulin glargine" wins over "insulin".
    for name in sorted(set(names), key=lambda name: (-len(name), name)):
        words = [re.escape(word) for word in re.split(rf"[\s{DASHES}]+", name.strip()) if word]
        patterns.append(rf"[\s{DASHES}]*".join(words) if words else re.escape(name.strip()))
    return "|".join(patterns)
