"""Lists that read one page, and never count a table to draw it.

Django's list counts every matching row for its page numbers; on a large table that is slower than the page itself.
Here a page reads one row more than it shows, which tells whether another page follows.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import EmptyPage, InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

# PostgreSQL walks over every row before an offset; whoever is this deep searches faster than he leafs.
LAST_PAGE = 100


class WindowPage(Page):
    """Some consecutive rows, with the knowledge whether more follow."""

    def __init__(self, object_list: Sequence[Any], number: int, paginator: "WindowPaginator", more: bool) -> None:
        super().__init__(object_list, number, paginator)
        self.more = more

    def has_next(self) -> bool:
        return self.more and self.number < LAST_PAGE

    def has_other_pages(self) -> bool:
        return self.has_previous() or self.has_next()

    def start_index(self) -> int:
        return (self.number - 1) * int(self.paginator.per_page) + (1 if len(self) else 0)

    def end_index(self) -> int:
        return (self.number - 1) * int(self.paginator.per_page) + len(self)

    @property
    def cut_off(self) -> bool:
        """Whether rows follow that leafing does not reach."""
        return self.more and self.number >= LAST_PAGE


class WindowPaginator(Paginator):
    """Pages over a queryset without knowing how many there are; used by the lists and by autocompletion."""

    def page(self, number: int | str) -> WindowPage:
        """Read one page. Raises InvalidPage for no number, one past the last page, or one past `LAST_PAGE`."""
        wanted = self.validate_number(number)
        bottom = (wanted - 1) * int(self.per_page)
        rows = list(self.object_list[bottom : bottom + int(self.per_page) + 1])
        if not rows and wanted > 1:
            raise EmptyPage("That page contains no results")
        return WindowPage(rows[: int(self.per_page)], wanted, self, more=len(rows) > int(self.per_page))

    def validate_number(self, number: Any) -> int:
        """Return the number as an integer within 1 and `LAST_PAGE`, or raise InvalidPage."""
        try:
            wanted = int(number)
        except (TypeError, ValueError) as error:
            raise InvalidPage("That page number is not an integer") from error
        if not 1 <= wanted <= LAST_PAGE:
            raise EmptyPage(f"That page number is not within 1 and {LAST_PAGE}")
        return wanted

    @property
    def count(self) -> int:
        """Nobody may ask: that would be the count which this class is there to avoid."""
        raise NotImplementedError("a window does not know how many rows there are")

    @property
    def num_pages(self) -> int:
        """The furthest page that can be asked for, not the one that holds the last row."""
        return LAST_PAGE


class WindowChangeList(ChangeList):
    """Django's list, over a window, and reading only the columns that it shows."""

    page: WindowPage
    # A ReadOnlyAdmin; Django's own class has not the methods that are called here.
    model_admin: Any

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        queryset = super().get_queryset(request, exclude_parameters)
        return queryset.only(*self.model_admin.columns_read(request))

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        try:
            self.page = paginator.page(self.page_num)
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        self.paginator = paginator
        self.result_list = self.page.object_list
        self.model_admin.prepare_rows(request, self.result_list)
        # What the templates and actions of Django ask for; "all" means the page, since nothing else is known.
        # Two equal counts make the search box leave out how many of how many it found.
        self.result_count = self.full_result_count = len(self.page)
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_count)
        self.can_show_all = False
        self.multi_page = self.page.has_other_pages()

    def url_for_result(self, result: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_change",
            args=(self.model_admin.id_in_url(result),),
            current_app=self.model_admin.admin_site.name,
        )

    @property
    def narrowed(self) -> bool:
        """Whether a search or a filter is set."""
        return bool(self.query or self.get_filters_params())

    @property
    def unlisted_filters(self) -> list[tuple[str, str]]:
        """Filters that the address sets and that no filter beside the list shows, as (field, value)."""
        listed = {name for spec in self.filter_specs for name in spec.expected_parameters()}
        return [
            (name.removesuffix("__exact").replace("__", " ").replace("_", " "), ", ".join(chosen))
            for name, chosen in self.get_filters_params().items()
            if name not in listed
        ]

    @property
    def previous_link(self) -> str | None:
        """The query string of the page before, or None."""
        return self._page_link(self.page.number - 1) if self.page.has_previous() else None

    @property
    def next_link(self) -> str | None:
        """The query string of the page after, or None."""
        return self._page_link(self.page.number + 1) if self.page.has_next() else None

    def _page_link(self, number: int) -> str:
        return self.get_query_string({PAGE_VAR: number})
