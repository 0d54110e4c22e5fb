"""Asset names and NCT IDs are highlighted in text, and nothing in the text becomes HTML."""

import re
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from linkaudit.claims import Terms, highlight

TERMS = Terms(["insulin", "insulin glargine", "AB-101"], "NCT01234567")


def test_names_and_nct_id_are_highlighted() -> None:
    marked = highlight("AB-101 in NCT01234567", TERMS)
    assert marked.html == '<mark class="asset">AB-101</mark> in <mark class="trial">NCT01234567</mark>'
    assert (marked.asset_count, marked.trial_count) == (1, 1)


def test_longest_name_wins() -> None:
    assert highlight("insulin glargine", TERMS).html == '<mark class="asset">insulin glargine</mark>'


def test_case_and_separators_are_ignored() -> None:
    for written in ("ab-101", "AB 101", "AB101", "AB\u2011101", "AB \u2013 101", "Insulin\nGlargine"):
        assert highlight(written, TERMS).asset_count == 1, written


def test_part_of_a_word_is_no_match() -> None:
    for written in ("proinsulin", "insulins", "AB-1012", "XAB-101", "NCT012345678"):
        assert highlight(written, TERMS).html == written


def test_html_in_text_and_names_is_escaped() -> None:
    marked = highlight('<script>alert(1)</script> <b>x</b> & "q"', Terms(["<b>x</b>"], ""))
    assert "<script" not in marked.html
    assert '<mark class="asset">&lt;b&gt;x&lt;/b&gt;</mark>' in marked.html
    assert "&amp; &quot;q&quot;" in marked.html


def test_names_are_matched_literally() -> None:
    assert highlight("a.c abc (x) [y", Terms(["a.c", "(x)", "[y"], "")).asset_count == 3
    assert highlight("abc", Terms(["a.c"], "")).asset_count == 0


def test_text_without_terms_is_escaped() -> None:
    assert highlight("a < b", Terms([], "")).html == "a &lt; b"
    assert highlight("a < b", Terms(["", " ", "a", "-"], " ")).html == "a &lt; b"


@settings(deadline=None)
@given(st.text(), st.lists(st.text(max_size=8), max_size=4), st.text(max_size=8))
def test_highlighted_text_is_complete_and_safe(text: str, names: list[str], number: str) -> None:
    html = highlight(text, Terms(names, number)).html
    without_marks = re.sub(r'</?mark(?: class="(?:asset|trial)")?>', "", html)
    assert "<" not in without_marks
    assert unescape(without_marks) == unescape(unescape_once(text))


def unescape_once(text: str) -> str:
    """Return `text` escaped and unescaped, which replaces control characters that HTML forbids."""
    from django.utils.html import escape

    return unescape(escape(text))
