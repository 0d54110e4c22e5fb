"""Two texts word by word."""

from hypothesis import given
from hypothesis import strategies as st

from signals.explanation.word_diff import WordDiff


def sides(before: str, after: str, left: int = 10_000) -> tuple[str, str]:
    return WordDiff(left).sides(before, after)


def test_changed_words_are_marked_on_their_side() -> None:
    assert sides("Overall survival at 36 months", "Progression-free survival at 24 months") == (
        "<del>Overall</del> survival at <del>36</del> months",
        "<ins>Progression-free</ins> survival at <ins>24</ins> months",
    )


def test_added_and_removed_words_are_on_one_side_alone() -> None:
    assert sides("overall survival", "overall median survival")[0] == "overall survival"
    assert sides("overall survival", "overall median survival")[1] == "overall <ins>median </ins>survival"
    assert sides("a b c", "a c")[0] == "a <del>b </del>c"


def test_moved_words_went_and_came() -> None:
    before, after = sides("first, second and third", "second and third, first")
    assert "<del>" in before
    assert "<ins>" in after
    assert "second and third" in before
    assert "second and third" in after


def test_a_space_between_changed_words_is_changed_with_them() -> None:
    assert sides("one two end", "three four end") == ("<del>one two</del> end", "<ins>three four</ins> end")


def test_markup_is_shown_as_text() -> None:
    before, after = sides("<script>a</script>", "<script>b</script>")
    assert "<script" not in before + after
    assert "&lt;script&gt;" in before


def test_texts_that_cost_too_much_to_compare_are_marked_whole() -> None:
    before, after = sides("same " + "a b " * 50 + "end", "same " + "c d " * 50 + "end", left=10)
    assert before.startswith("same <del>a b")
    assert after.count("<ins>") == 1


def test_equal_texts_have_no_mark() -> None:
    assert sides("a b", "a b") == ("a b", "a b")
    assert sides("", "") == ("", "")


@given(st.text("ab ,\n", max_size=40), st.text("ab ,\n", max_size=40))
def test_each_side_is_its_text(before: str, after: str) -> None:
    parts = WordDiff().parts(before, after)
    assert "".join(part.text for part in parts if part.kind != "new") == before
    assert "".join(part.text for part in parts if part.kind != "gone") == after
