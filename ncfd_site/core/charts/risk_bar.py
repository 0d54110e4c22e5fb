"""The bar of a probability of failure: one scale of five bands on every page."""

from bisect import bisect_right
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.core.formatting import format_percent

# Lower limits of the second to the fifth band.
BAND_LIMITS = (Decimal("0.25"), Decimal("0.50"), Decimal("0.75"), Decimal("0.97"))
BAND_COUNT = len(BAND_LIMITS) + 1
WIDTH, HEIGHT = 48, 10


def find_band_number(p_fail: Decimal) -> int:
    """Return the number of the band of a probability, from 1 (lowest) to 5."""
    return bisect_right(BAND_LIMITS, p_fail) + 1


def render_risk(p_fail: Decimal, *, is_prior_only: bool = False) -> SafeString:
    """Render a probability of failure as a bar in the color of its band, and as a percentage.

    The bar of a score that is only the prior of the phase is hollow.
    """
    return format_html(
        '<span class="risk{}"{}><svg class="risk-bar" width="{}" height="{}" aria-hidden="true"><rect class="track"'
        ' y="1" width="48" height="8"/><rect class="value risk-{}" x=".5" y="1.5" width="{}" height="7"/></svg> <strong'
        ' class="number">{}</strong>{}</span>',
        " is-prior" if is_prior_only else "",
        SafeString(' title="Prior of the phase only: no gate fired"') if is_prior_only else "",
        WIDTH,
        HEIGHT,
        find_band_number(p_fail),
        f"{max(p_fail * (WIDTH - 1), 1):.1f}",
        format_percent(p_fail),
        SafeString('<span class="visually-hidden">, prior only</span>') if is_prior_only else "",
    )


def render_band_dot(band: int) -> SafeString:
    """Render the mark of a band beside its name; band 0 is that of trials without a score."""
    return format_html(
        '<svg class="band-dot" width="10" height="10" aria-hidden="true"><rect class="risk-{}" x="1" y="1" width="8"'
        ' height="8" rx="2"/></svg>',
        band,
    )
