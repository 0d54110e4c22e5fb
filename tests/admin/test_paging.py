"""Paging through lists whose rows are never counted."""

from typing import Any

import pytest
from django.core.paginator import EmptyPage, InvalidPage
from django.urls import reverse

from ncfd_site.adminkit import change_list
from ncfd_site.adminkit.change_list import UncountedPaginator
from signals.models import Trial
from tests import factories

pytestmark = pytest.mark.django_db
LIST = "admin:signals_trial_changelist"


def make_trials(count: int) -> None:
    Trial.objects.bulk_create(
        Trial(nct_id=f"NCT{number:08}", is_pivotal=False, last_seen_at=factories.POSTED) for number in range(count)
    )


@pytest.mark.parametrize(
    ("count", "position"),
    [(1, "Rows 1 to 1 of 1<"), (100, "Rows 1 to 100 of 100<"), (101, "Rows 1 to 100<")],
)
def test_the_first_page_shows_whether_more_follow(count: int, position: str, signed_in: Any) -> None:
    make_trials(count)
    page = signed_in("analyst").get(reverse(LIST)).content.decode()
    assert position in page
    assert ("?p=2" in page) is (count > 100)


def test_the_last_page_has_the_count(signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"p": 2}).content.decode()
    assert "Rows 101 to 101 of 101" in page
    assert "?p=1" in page
    assert "?p=3" not in page


def test_paging_keeps_search_and_filters(signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"is_pivotal": "no", "o": "-1"}).content.decode()
    assert "?is_pivotal=no&amp;o=-1&amp;p=2" in page


@pytest.mark.parametrize("number", ["0", "3", "-1", "99999999999999999999", "x"])
def test_an_invalid_page_redirects_to_the_first(number: str, signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"p": number}, follow=True)
    assert page.status_code == 200
    assert "Rows 1 to 100" in page.content.decode()


def test_paging_has_a_limit(monkeypatch: pytest.MonkeyPatch, signed_in: Any) -> None:
    monkeypatch.setattr(change_list, "LAST_PAGE", 2)
    make_trials(201)
    page = signed_in("analyst").get(reverse(LIST), {"p": 2}).content.decode()
    assert "Page limit reached" in page
    assert "?p=3" not in page
    with pytest.raises(EmptyPage):
        UncountedPaginator(Trial.objects.order_by("pk"), 100).page(3)


def test_the_count_is_an_error() -> None:
    with pytest.raises(NotImplementedError):
        _ = UncountedPaginator(Trial.objects.all(), 10).count


def test_a_page_behind_the_last_row_is_invalid() -> None:
    make_trials(3)
    with pytest.raises(InvalidPage):
        UncountedPaginator(Trial.objects.order_by("pk"), 3).page(2)


def test_an_empty_list_names_what_fills_it(signed_in: Any) -> None:
    page = signed_in("analyst").get(reverse(LIST)).content.decode()
    assert "There are no trials." in page
    assert "manage.py load_ctgov" in page


def test_a_list_without_matches_links_to_all_rows(signed_in: Any) -> None:
    make_trials(1)
    page = signed_in("analyst").get(reverse(LIST), {"q": "NCT99999999"}).content.decode()
    assert "No trials match the search and the filters." in page
    assert "Show all trials" in page


def test_a_filter_that_only_the_url_sets_is_shown(signed_in: Any) -> None:
    make_trials(1)
    page = signed_in("analyst").get(reverse(LIST), {"nct_id": "NCT00000000"}).content.decode()
    assert "Nct id: <b>NCT00000000</b>." in page
