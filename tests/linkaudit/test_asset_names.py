"""Every name of an asset is found, whatever shape its pipeline gave the JSON."""

from linkaudit.naming import distinct_names


def test_names_are_found_in_texts_lists_and_objects() -> None:
    names = {"inn": "semaglutide", "code": ["NN-9535", {"old": "NNC 0113-0217"}], "approved": True, "year": 2017}
    assert distinct_names(names) == ["semaglutide", "NN-9535", "NNC 0113-0217"]


def test_a_name_counts_once_whatever_its_case_and_spaces() -> None:
    assert distinct_names({"inn": "Insulin  glargine"}, ["insulin glargine", " ", "Lantus"]) == [
        "Insulin glargine",
        "Lantus",
    ]
