"""Lists and pages that never count the rows of a table.

Django's list counts every matching row for its page numbers, which on a large table takes longer than the page itself.
Here a page reads one row more than it shows, to find out whether another page follows.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import EmptyPage, InvalidPage, Page, Paginator
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

# PostgreSQL reads every row before an offset: a search is quicker than a later page.
LAST_PAGE = 100


class UncountedPage(Page):
    """A page that knows whether more rows follow."""

    def __init__(
        self, object_list: Sequence[Any], number: int, paginator: "UncountedPaginator", has_more: bool
    ) -> None:
        super().__init__(object_list, number, paginator)
        self.has_more = has_more

    def has_next(self) -> bool:
        return self.has_more and self.number < LAST_PAGE

    def start_index(self) -> int:
        return (self.number - 1) * int(self.paginator.per_page) + (1 if len(self) else 0)

    def end_index(self) -> int:
        return (self.number - 1) * int(self.paginator.per_page) + len(self)

    @property
    def is_cut_off(self) -> bool:
        """True if more rows exist than pages can show."""
        return self.has_more and self.number >= LAST_PAGE


class UncountedPaginator(Paginator):
    """Pages of a queryset without its count, for lists and autocompletion."""

    def page(self, number: int | str) -> UncountedPage:
        """Read one page. Raises InvalidPage for a number that is invalid, too large, or behind the last row."""
        number = self.validate_number(number)
        start, size = (number - 1) * int(self.per_page), int(self.per_page)
        rows = list(self.object_list[start : start + size + 1])
        if not rows and number > 1:
            raise EmptyPage("That page contains no results")
        return UncountedPage(rows[:size], number, self, has_more=len(rows) > size)

    @property
    def count(self) -> int:
        """Raise an error: this class exists to avoid the count."""
        raise NotImplementedError("the rows of an uncounted list are never counted")

    @property
    def num_pages(self) -> int:
        """The last page that can be requested, which may be empty."""
        return LAST_PAGE


class UncountedChangeList(ChangeList):
    """Django's list without a count, which reads only the columns that it shows."""

    page: UncountedPage
    # A ReadOnlyAdmin. Django's class lacks the methods that are called here.
    model_admin: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        queryset = super().get_queryset(request, exclude_parameters)
        return queryset.only(*self.model_admin.get_read_fields(request))

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        try:
            self.page = paginator.page(self.page_num)
        except (InvalidPage, DataError) as error:  # DataError: a value that no row can have, such as NUL in a text
            raise IncorrectLookupParameters from error
        self.paginator = paginator
        self.result_list = self.page.object_list
        self.model_admin.prepare_rows(request, self.result_list)
        # Django's templates and actions read these. "All" is the page, since the total is unknown; with two equal
        # counts, the search box omits them.
        self.result_count = self.full_result_count = len(self.page)
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_count)
        self.can_show_all = False
        self.multi_page = self.page.has_other_pages()

    def url_for_result(self, result: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change",
            args=(self.model_admin.build_object_id(result),),
            current_app=self.model_admin.admin_site.name,
        )

    @property
    def is_narrowed(self) -> bool:
        """True if a search or a filter is set."""
        return bool(self.query or self.get_filters_params())

    @property
    def unlisted_filters(self) -> list[tuple[str, str]]:
        """Filters of the URL that the list does not offer, as (field, value)."""
        listed = {name for spec in self.filter_specs for name in spec.expected_parameters()}
        return [
            (name.removesuffix("__exact").replace("__", " ").replace("_", " "), ", ".join(chosen))
            for name, chosen in self.get_filters_params().items()
            if name not in listed
        ]

    @property
    def previous_query(self) -> str | None:
        """The query string of the previous page, or None."""
        return self.get_query_string({PAGE_VAR: self.page.number - 1}) if self.page.has_previous() else None

    @property
    def next_query(self) -> str | None:
        """The query string of the next page, or None."""
        return self.get_query_string({PAGE_VAR: self.page.number + 1}) if self.page.has_next() else None
