"""Pages and help in the search: the navigation, the account, lists of the admin, docs and terms."""

from collections.abc import Iterator

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.adminkit.links import get_list_url
from ncfd_site.search.providers import Hit, Provider, has_words, register
from ncfd_site.web.help.documents import GLOSSARY, list_documents, list_terms, render_document
from ncfd_site.web.navigation import GROUPS

# Of all users, then of staff.
ACCOUNT_PAGES = (
    ("Home", "home"),
    ("Help", "help"),
    ("Keyboard shortcuts", "help_shortcuts"),
    ("API", "api"),
    ("API tokens", "tokens"),
)
STAFF_PAGES = (("Admin", "admin:index"), ("Style guide", "styleguide"), ("Change password", "admin:password_change"))


def _list_pages(user: User) -> Iterator[Hit]:
    for group, pages in GROUPS.items():
        for page in pages:
            if user.has_perm(page.permission):
                yield Hit(page.label, reverse(page.view), group)
    for title, view in (*ACCOUNT_PAGES, *(STAFF_PAGES if user.is_staff else ())):
        yield Hit(title, reverse(view))
    for model in apps.get_models() if user.is_staff else ():
        opts = model._meta
        if admin.site.is_registered(model) and user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            yield Hit(str(opts.verbose_name_plural).capitalize(), get_list_url(model), "Admin")


def find_pages(text: str, user: User) -> list[Hit]:
    """Return the pages that the user may open and whose title has the words of a text."""
    return [page for page in _list_pages(user) if has_words(text, page.title)]


def find_help(text: str, user: User) -> Iterator[Hit]:
    """Yield the terms, then the docs, whose name has the words of a text."""
    for term in list_terms():
        if has_words(text, term.name):
            yield Hit(term.name, f"{reverse('help_document', args=[GLOSSARY])}#{term.slug}", term.meaning)
    for name in list_documents():
        title = render_document(name).title
        if has_words(text, title):
            yield Hit(title, reverse("help_document", args=[name]))


register(Provider(key="help", title="Help", position=90, find=find_help))
register(Provider(key="pages", title="Pages", position=80, find=find_pages))
