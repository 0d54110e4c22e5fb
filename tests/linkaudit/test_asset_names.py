"""Distinct names of an asset, from JSON of any shape."""

from linkaudit.asset_names import list_distinct_names


def test_names_in_texts_lists_and_objects() -> None:
    names = {"inn": "semaglutide", "code": ["NN-9535", {"old": "NNC 0113-0217"}], "approved": True, "year": 2017}
    assert list_distinct_names(names) == ["semaglutide", "NN-9535", "NNC 0113-0217"]


def test_names_are_distinct_ignoring_case_and_spaces() -> None:
    assert list_distinct_names({"inn": "Insulin  glargine"}, ["insulin glargine", " ", "Lantus"]) == [
        "Insulin glargine",
        "Lantus",
    ]
