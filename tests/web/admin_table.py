"""Rules of the admin's pages, from the table of their readers.

Django's admin pages handle POST and treat every other method as GET. A POST without fields changes nothing: it shows
the form again, or asks for confirmation.
"""

from tests.admin import test_access as access
from tests.web.table import (
    METHODS,
    NONE,
    USERS,
    WHO,
    Rule,
)

# Pages of the admin without a table.
_ALL = frozenset(WHO)
# Django's class-based views accept the methods that they define; views with forms treat PUT as POST.
_READ = {"POST": NONE, "PUT": NONE, "PATCH": NONE, "DELETE": NONE}
_FORM = {"PATCH": NONE, "DELETE": NONE}
ALONE: dict[str, Rule] = {
    "/admin/logout/": Rule(USERS, get=NONE, post=302, options=200),
}
# These treat an empty POST as the confirmation.
UNLINKING = {
    "securities_companysecurity_delete": "/admin/securities/companysecurity/1,none/delete/",
    "securities_companyrelationship_delete": "/admin/securities/companyrelationship/1,2,none/delete/",
}
# Pages that treat every method as GET.
READ_ONLY = "linkaudit_heuristicprecision_"
CLASSES = {"autocomplete": _READ, "jsi18n": _READ, "password_change": _FORM, "password_change_done": _READ}


def rule_of(url: str, name: str) -> Rule:
    """Return the rule of a page. Raises KeyError for a page without an expectation."""
    if url in ALONE:
        return ALONE[url]
    name = name.removeprefix("admin:")
    may = access.expected(name)
    if name in access.POSTED:
        # Without permission, every method is refused.
        refused = {f"{who} {method}": 403 for who in USERS - may for method in METHODS}
        return Rule(may, get=NONE, post=302, exact=refused)
    if name == "linkaudit_linkaudit_bulk_filter":
        # Without a selection, it redirects to the list.
        return Rule(may, post=302, others=200, options=200)
    if name in UNLINKING:
        return Rule(may, post=302, others=200, options=200, post_to=UNLINKING[name])
    if name.endswith("_change") and name not in access.OTHERS and not name.startswith(("auth_", READ_ONLY)):
        # Pages of rows are read-only.
        return Rule(may, others=200, options=200, exact={"POST": 403})
    # Without a group, no table is listed.
    denied = 404 if name == "app_list" else 403
    return Rule(may, post=200, others=200, options=200, denied=denied, exact=CLASSES.get(name, {}))
