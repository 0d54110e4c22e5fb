"""Leafing through a list whose length nobody counts."""

from typing import Any

import pytest
from django.core.paginator import EmptyPage, InvalidPage
from django.urls import reverse

from ncfd_site.adminkit import windows
from ncfd_site.adminkit.windows import WindowPaginator
from signals.models import Trial
from tests import factories

pytestmark = pytest.mark.django_db
LIST = "admin:signals_trial_changelist"


def make_trials(count: int) -> None:
    Trial.objects.bulk_create(
        Trial(nct_id=f"NCT{number:08}", is_pivotal=False, last_seen_at=factories.POSTED) for number in range(count)
    )


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "Rows 1 to 1, these are all"), (100, "Rows 1 to 100, these are all"), (101, "Rows 1 to 100, more follow")],
)
def test_the_first_page_says_whether_more_follow(count: int, said: str, signed_in: Any) -> None:
    make_trials(count)
    page = signed_in("analyst").get(reverse(LIST)).content.decode()
    assert said in page
    assert ("?p=2" in page) is (count > 100)


def test_the_last_page_says_that_it_is_the_last(signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"p": 2}).content.decode()
    assert "Rows 101 to 101, these are the last" in page
    assert "?p=1" in page
    assert "?p=3" not in page


def test_leafing_keeps_search_and_filters(signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"is_pivotal": "no", "o": "-1"}).content.decode()
    assert "?is_pivotal=no&amp;o=-1&amp;p=2" in page


@pytest.mark.parametrize("number", ["0", "3", "-1", "99999999999999999999", "x"])
def test_a_page_that_is_not_there_leads_back_to_the_first(number: str, signed_in: Any) -> None:
    make_trials(101)
    page = signed_in("analyst").get(reverse(LIST), {"p": number}, follow=True)
    assert page.status_code == 200
    assert "Rows 1 to 100" in page.content.decode()


def test_leafing_ends_before_it_becomes_slow(monkeypatch: pytest.MonkeyPatch, signed_in: Any) -> None:
    monkeypatch.setattr(windows, "LAST_PAGE", 2)
    make_trials(201)
    page = signed_in("analyst").get(reverse(LIST), {"p": 2}).content.decode()
    assert "Leafing ends here" in page
    assert "?p=3" not in page
    with pytest.raises(EmptyPage):
        WindowPaginator(Trial.objects.order_by("pk"), 100).page(3)


def test_nobody_can_ask_a_window_for_the_count() -> None:
    with pytest.raises(NotImplementedError):
        _ = WindowPaginator(Trial.objects.all(), 10).count


def test_a_page_past_the_last_row_is_no_page() -> None:
    make_trials(3)
    with pytest.raises(InvalidPage):
        WindowPaginator(Trial.objects.order_by("pk"), 3).page(2)


def test_an_empty_list_says_what_fills_it(signed_in: Any) -> None:
    page = signed_in("analyst").get(reverse(LIST)).content.decode()
    assert "There are no trials." in page
    assert "manage.py load_ctgov" in page


def test_a_list_that_a_filter_empties_says_so_and_offers_all(signed_in: Any) -> None:
    make_trials(1)
    page = signed_in("analyst").get(reverse(LIST), {"q": "NCT99999999"}).content.decode()
    assert "No trials match the search and the filters." in page
    assert "Show all trials" in page


def test_a_filter_that_only_the_address_sets_is_named(signed_in: Any) -> None:
    make_trials(1)
    page = signed_in("analyst").get(reverse(LIST), {"nct_id": "NCT00000000"}).content.decode()
    assert "Only where nct id is <b>NCT00000000</b>." in page
