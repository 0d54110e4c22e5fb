"""Formatting of values as text and HTML."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from ncfd_site.core.formatting import (
    format_duration,
    format_first,
    format_moment,
    format_number,
    format_percent,
    format_points,
    format_quantity,
    format_run_time,
    format_size,
    is_web_address,
    render_age,
    render_json,
    render_link,
)


def test_an_object_is_rendered_as_fields_with_the_raw_form_folded() -> None:
    html = render_json({"total_n": 412, "arms": ["A", "B"], "none": None, "nested": {"yes": True}, "empty": []})
    assert '<div><dt>Total n</dt><dd><span class="number">412</span></dd></div>' in html
    assert "<dt>Arms</dt><dd>A, B</dd>" in html
    assert "<dt>Yes</dt><dd>yes</dd>" in html
    assert "<summary>Raw JSON</summary>" in html
    assert "<details open" not in html


def test_values_are_escaped() -> None:
    html = render_json({"<b>": "<script>alert(1)</script>", "url": "javascript:alert(1)"})
    assert "<script" not in html
    assert "<b>" not in html
    assert "href" not in html


def test_texts_are_rendered_by_the_given_function() -> None:
    assert "<dd>LOUD</dd>" in render_json({"a": "loud"}, str.upper)


def test_deep_and_long_values_are_cut_with_a_note() -> None:
    deep: object = "bottom"
    for _ in range(8):
        deep = {"a": deep}
    assert "more levels in the raw JSON" in render_json(deep)
    assert "and 950 more in the raw JSON" in render_json(list(range(1000)))


def test_a_deep_list_of_numbers_is_rendered() -> None:
    deep = {"results": {"primary": [{"effect": {"interval": [0.58, 0.9]}}]}}
    assert '<span class="number">0.58</span>, <span class="number">0.9</span>' in render_json(deep)


@pytest.mark.parametrize(("value", "shown"), [({}, "empty"), ([], "empty"), (None, "none"), ("text", "text"), (0, "0")])
def test_plain_and_empty_values_have_no_raw_form(value: object, shown: str) -> None:
    html = render_json(value)
    assert shown in html
    assert "Raw JSON" not in html


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (2**50, "1,024.0 TiB")],
)
def test_sizes_have_a_unit(count: int, shown: str) -> None:
    assert format_size(count) == shown


def test_ages_have_the_exact_moment_in_their_tooltip() -> None:
    then = timezone.now() - timedelta(days=3, hours=1)
    html = render_age(then)
    assert ">3\u00a0days ago</time>" in html
    assert f'title="{then:%Y-%m-%d %H:%M:%S} UTC"' in html
    assert "in 1\u00a0day" in render_age(timezone.now() + timedelta(days=1, hours=1))
    assert format_moment(datetime(2024, 3, 1, 12, 0, tzinfo=UTC)) == "2024-03-01 12:00:00 UTC"


@pytest.mark.parametrize("text", ["javascript:alert(1)", "ftp://x/y", "http://", "https://a b", "http://[", "x", ""])
def test_other_texts_do_not_become_links(text: str) -> None:
    assert not is_web_address(text)
    assert "<a" not in render_link(text)


def test_web_addresses_become_links() -> None:
    assert render_link("https://example.com/?a=1&b=2").startswith('<a href="https://example.com/?a=1&amp;b=2"')


def test_run_times_have_useful_digits() -> None:
    times = {
        0.264: "0.26 s",
        9.994: "9.99 s",
        12.34: "12.3 s",
        59.96: "1 min 00 s",
        245.2: "4 min 05 s",
        3599.7: "1 h 00 min",
        3725: "1 h 02 min",
    }
    assert {seconds: format_run_time(seconds) for seconds in times} == times


def test_durations_are_in_their_largest_unit() -> None:
    durations = {0: "1 second", 1: "1 second", 89: "89 seconds", 90: "2 minutes", 7000: "2 hours", 10**6: "12 days"}
    assert {seconds: format_duration(seconds) for seconds in durations} == durations
    assert format_duration(timedelta(days=5)) == "5 days"


def test_percentages_never_round_to_certainty() -> None:
    shares = {"0": "0.0 %", "0.0004": "0.040 %", "0.42": "42.0 %", "0.9996": "99.960 %", "1": "100.0 %"}
    assert {share: format_percent(Decimal(share)) for share in shares} == shares
    assert [format_points(Decimal(text)) for text in ("0.1234", "-0.0002", "0")] == [
        "+12.3 points",
        "-0.020 points",
        "+0.0 points",
    ]


def test_numbers_have_no_trailing_zeros() -> None:
    numbers = {"2.50": "2.5", "100": "100", "0.1234567": "0.123457", "1E+15": "1.000E+15"}
    assert {text: format_number(Decimal(text)) for text in numbers} == numbers


def test_lists_and_quantities_are_counted() -> None:
    assert format_first([3, 4, 5], 2) == "3, 4 and 1 more"
    assert format_first([3], 2, 2001) == "3 and 2,000 more"
    assert format_first([3], 2) == "3"
    assert [format_quantity(number, "link") for number in (0, 1, 2000)] == ["0 links", "1 link", "2,000 links"]
    assert format_quantity(2, "entry", "entries") == "2 entries"
