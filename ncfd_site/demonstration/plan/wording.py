"""Figures in words, as prose and as study cards have them."""

from typing import Any

from ncfd_site.demonstration.catalogue.conditions import Condition
from ncfd_site.demonstration.plan.figures import Effect

# Journals print no smaller p-value.
SMALLEST_P = 0.001


def p_words(p: float) -> str:
    """A p-value in prose: "p = 0.048", "p < 0.001"."""
    return "p < 0.001" if p < SMALLEST_P else f"p = {p:.3f}".removesuffix("0")


def p_stated(p: float) -> float | str:
    """A p-value on a study card: a number, or the text that was printed where that is no number."""
    return "<0.001" if p < SMALLEST_P else p


def percent(share: float) -> str:
    """A share with one digit: "12.3%"."""
    return f"{100 * share:.1f}%"


def effect_words(condition: Condition, effect: Effect) -> str:
    """An effect with its interval and p-value: "0.71 (95% confidence interval 0.55 to 0.92; p = 0.009)"."""
    if condition.is_hazard:
        value, low, high = (f"{number:.2f}" for number in (effect.value, effect.low, effect.high))
    else:
        value, low, high = (f"{100 * number:.1f}" for number in (effect.value, effect.low, effect.high))
        value += " percentage points"
    return f"{value} (95% confidence interval {low} to {high}; {p_words(effect.p)})"


def effect_stated(condition: Condition, effect: Effect) -> dict[str, Any]:
    """An effect on a study card."""
    scale, digits = (1, 2) if condition.is_hazard else (100, 1)
    value, low, high = (round(scale * number, digits) for number in (effect.value, effect.low, effect.high))
    measure = "hazard ratio" if condition.is_hazard else "difference in percentage points"
    return {"measure": measure, "value": value, "ci95": [low, high]}


def lowered(words: str) -> str:
    """The words for the middle of a sentence; an abbreviation at their beginning stays as it is."""
    return words if words[1:2].isupper() else words[0].lower() + words[1:]
