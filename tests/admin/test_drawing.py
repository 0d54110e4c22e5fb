"""Values as a person reads them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ncfd_site.core.formatting import (
    address,
    exactly,
    is_web_address,
    json_fields,
    moment,
    size,
)


def test_an_object_is_drawn_as_fields_with_the_raw_form_folded_away() -> None:
    drawn = json_fields({"total_n": 412, "arms": ["A", "B"], "none": None, "nested": {"yes": True}, "empty": []})
    assert '<div><dt>Total n</dt><dd><span class="number">412</span></dd></div>' in drawn
    assert "<dt>Arms</dt><dd>A, B</dd>" in drawn
    assert "<dt>Yes</dt><dd>yes</dd>" in drawn
    assert "<summary>Raw form</summary>" in drawn
    assert "<details open" not in drawn


def test_what_a_record_holds_cannot_become_markup() -> None:
    drawn = json_fields({"<b>": "<script>alert(1)</script>", "url": "javascript:alert(1)"})
    assert "<script" not in drawn
    assert "<b>" not in drawn
    assert "href" not in drawn


def test_a_text_is_drawn_by_the_function_that_is_given() -> None:
    assert "<dd>LOUD</dd>" in json_fields({"a": "loud"}, str.upper)


def test_deep_and_long_values_end_with_a_word_about_the_rest() -> None:
    deep: object = "bottom"
    for _ in range(8):
        deep = {"a": deep}
    assert "nested deeper, see the raw form" in json_fields(deep)
    assert "and 950 more, see the raw form" in json_fields(list(range(1000)))


def test_a_list_of_numbers_is_drawn_however_deep_it_lies() -> None:
    deep = {"results": {"primary": [{"effect": {"interval": [0.58, 0.9]}}]}}
    assert '<span class="number">0.58</span>, <span class="number">0.9</span>' in json_fields(deep)


@pytest.mark.parametrize(("value", "shown"), [({}, "empty"), ([], "empty"), (None, "none"), ("text", "text"), (0, "0")])
def test_a_plain_value_has_no_raw_form(value: object, shown: str) -> None:
    drawn = json_fields(value)
    assert shown in drawn
    assert "Raw form" not in drawn


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (1_572_864, "1.5 MiB"), (2**50, "1,024.0 TiB")],
)
def test_a_size_has_a_unit(count: int, shown: str) -> None:
    assert size(count) == shown


def test_a_moment_is_an_age_with_the_exact_one_and_its_zone_in_the_title() -> None:
    then = timezone.now() - timedelta(days=3, hours=1)
    drawn = moment(then)
    assert ">3\u00a0days ago</time>" in drawn
    assert f'title="{then:%Y-%m-%d %H:%M:%S} UTC"' in drawn
    assert "in 1\u00a0day" in moment(timezone.now() + timedelta(days=1, hours=1))
    assert exactly(datetime(2024, 3, 1, 12, 0, tzinfo=UTC)) == "2024-03-01 12:00:00 UTC"


@pytest.mark.parametrize("text", ["javascript:alert(1)", "ftp://x/y", "http://", "https://a b", "http://[", "x", ""])
def test_only_addresses_of_the_web_become_links(text: str) -> None:
    assert not is_web_address(text)
    assert "<a" not in address(text)


def test_an_address_of_the_web_becomes_a_link() -> None:
    assert address("https://example.com/?a=1&b=2").startswith('<a href="https://example.com/?a=1&amp;b=2"')
