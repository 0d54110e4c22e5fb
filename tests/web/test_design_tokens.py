"""Colors of the design tokens, in light and dark: contrast of text, and the order of the risk scale."""

import itertools

import pytest
from django.conf import settings

from ncfd_site.web.styleguide import ColorToken, read_color_tokens

SURFACES = ("body-bg", "darkened-bg", "selected-bg", "selected-row")
TEXTS = ("body-fg", "body-loud-color", "body-medium-color", "body-quiet-color", "link-fg", "link-hover-color",
         "right-fg", "wrong-fg")  # fmt: skip
PAIRS = [
    *((text, surface) for text in TEXTS for surface in SURFACES),
    *((f"{state}-fg", f"{state}-bg") for state in ("right", "wrong", "waits", "warning")),
    *(("body-fg", f"{name}-bg") for name in ("right", "wrong", "waits", "warning", "asset-mark", "trial-mark")),
    *(("action-fg", f"{name}-bg") for name in ("action", "action-hover", "danger", "danger-hover")),
]
# Parts of controls and charts.
SHAPES = [("control-border", "body-bg"), ("risk-outline", "body-bg"), ("chart-line", "body-bg"), ("link-fg", "body-bg")]
THEMES = ("light", "dark")


def luminance(color: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colors, from 1 to 21."""
    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def tokens() -> dict[str, ColorToken]:
    return read_color_tokens()


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_text_has_a_contrast_of_at_least_4_5(tokens: dict[str, ColorToken], theme: str) -> None:
    measured = {
        (text, surface): contrast(getattr(tokens[text], theme), getattr(tokens[surface], theme))
        for text, surface in PAIRS
    }
    assert {pair: value for pair, value in measured.items() if value < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_controls_and_charts_have_a_contrast_of_at_least_3(tokens: dict[str, ColorToken], theme: str) -> None:
    measured = {pair: contrast(*(getattr(tokens[name], theme) for name in pair)) for pair in SHAPES}
    assert {pair: value for pair, value in measured.items() if value < 3} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_the_risk_scale_keeps_its_order_without_color(tokens: dict[str, ColorToken], theme: str) -> None:
    surface = getattr(tokens["body-bg"], theme)
    contrasts = [contrast(getattr(tokens[f"risk-{band}"], theme), surface) for band in range(1, 6)]
    steps = [higher / lower for lower, higher in itertools.pairwise(contrasts)]
    assert min(steps) > 1.05, contrasts


def test_no_other_stylesheet_names_a_color() -> None:
    folder = settings.BASE_DIR / "ncfd_site/web/static/ncfd"
    for file in folder.glob("*.css"):
        if file.name != "tokens.css":
            text = file.read_text()
            assert [word for word in ("#fff", "rgb(", "rgba(", "hsl(", "light-dark(") if word in text] == [], file.name
