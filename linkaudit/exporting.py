"""The list of links of the site as something to export."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from linkaudit.forms import LinkFilterForm
from linkaudit.models import LinkAudit
from linkaudit.selection import listed_links
from ncfd_site.adminkit.list_query import ListError
from ncfd_site.exports.sources import Source, register


def _rows(query: str, actor: User) -> QuerySet[LinkAudit]:
    form = LinkFilterForm(QueryDict(query))
    if not form.is_valid():
        raise ListError("The filter of the list cannot be read: go back to the list and choose again.")
    return listed_links(form.get_selection())


LINKS = register(Source("links", LinkAudit, _rows, lambda: reverse("linkaudit:links")))
