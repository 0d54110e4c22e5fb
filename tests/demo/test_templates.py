from datetime import date

import pytest

from ncfd_site.demo.catalog import Calendar, moment
from ncfd_site.demo.templates import fill


def test_placeholders_are_replaced_in_nested_tables_and_lists() -> None:
    template = {"a": "{name} of {place[0]}", "b": ["{name}", {"c": 3}]}
    assert fill(template, {"name": "Ada", "place": ["Lagado"]}) == {"a": "Ada of Lagado", "b": ["Ada", {"c": 3}]}


def test_a_single_placeholder_keeps_the_type_of_its_value() -> None:
    values = {"count": 3, "share": 0.25, "none": None}
    assert fill(["{count}", "{share}", "{none}", "{share:.0%}", "{count} "], values) == [3, 0.25, None, "25%", "3 "]


@pytest.mark.parametrize(
    ("value", "form"), [("H", "high"), ("M", "other"), ("", "none"), (None, "none"), (True, "other")]
)
def test_by_selects_the_form_of_a_value(value: object, form: str) -> None:
    template = {"by": "severity", "H": "high", "True": "other", "False": "none"}
    assert fill(template, {"severity": value}) == form


def test_templates_name_days_and_times_by_their_offset() -> None:
    values = {"day": Calendar(date(2027, 1, 1))}
    assert fill(["{day[-1]}", "{day[12]}", "{day[-1 05:20]}"], values) == [
        date(2026, 12, 31),
        date(2027, 1, 13),
        moment(date(2026, 12, 31), 5, 20),
    ]


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        fill("{nothing}", {})
