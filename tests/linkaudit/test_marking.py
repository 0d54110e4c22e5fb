"""An asset's names and a trial's number are marked in text, and nothing in the text can become HTML."""

import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from linkaudit.highlighting import Terms, mark_terms

TERMS = Terms(["insulin", "insulin glargine", "AB-101"], "NCT01234567")


def test_names_and_number_are_marked_each_in_its_own_way() -> None:
    marked = mark_terms("AB-101 in NCT01234567", TERMS)
    assert marked.html == '<mark class="asset">AB-101</mark> in <mark class="trial">NCT01234567</mark>'
    assert (marked.asset_count, marked.trial_count) == (1, 1)


def test_the_longest_name_wins() -> None:
    assert mark_terms("insulin glargine", TERMS).html == '<mark class="asset">insulin glargine</mark>'


def test_case_and_the_kind_of_separator_do_not_matter() -> None:
    for written in ("ab-101", "AB 101", "AB101", "AB\u2011101", "AB \u2013 101", "Insulin\nGlargine"):
        assert mark_terms(written, TERMS).asset_count == 1, written


def test_a_part_of_a_word_is_no_name() -> None:
    for written in ("proinsulin", "insulins", "AB-1012", "XAB-101", "NCT012345678"):
        assert mark_terms(written, TERMS).html == written


def test_html_in_the_text_and_in_the_names_stays_text() -> None:
    marked = mark_terms('<script>alert(1)</script> <b>x</b> & "q"', Terms(["<b>x</b>"], ""))
    assert "<script" not in marked.html
    assert '<mark class="asset">&lt;b&gt;x&lt;/b&gt;</mark>' in marked.html
    assert "&amp; &quot;q&quot;" in marked.html


def test_a_name_that_looks_like_a_pattern_is_taken_literally() -> None:
    assert mark_terms("a.c abc (x) [y", Terms(["a.c", "(x)", "[y"], "")).asset_count == 3
    assert mark_terms("abc", Terms(["a.c"], "")).asset_count == 0


def test_without_terms_the_text_is_only_escaped() -> None:
    assert mark_terms("a < b", Terms([], "")).html == "a &lt; b"
    assert mark_terms("a < b", Terms(["", " ", "a", "-"], " ")).html == "a &lt; b"


@settings(deadline=None)
@given(st.text(), st.lists(st.text(max_size=8), max_size=4), st.text(max_size=8))
def test_the_text_is_always_whole_and_safe(text: str, names: list[str], number: str) -> None:
    html = mark_terms(text, Terms(names, number)).html
    without_marks = re.sub(r'</?mark(?: class="(?:asset|trial)")?>', "", html)
    assert "<" not in without_marks
    assert unescape(without_marks) == unescape(unescape_once(text))


def unescape_once(text: str) -> str:
    """What `text` is after escaping and unescaping; the same, unless it holds control characters HTML forbids."""
    from django.utils.html import escape

    return unescape(escape(text))
