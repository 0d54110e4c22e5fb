"""What the pages of the admin answer, in the terms of the matrix, from the table of who reads which of its tables.

The admin's own pages look at POST and take every other method for a GET. A POST without a field changes nothing: a form
comes back with what it lacks, a deletion asks whether it is meant.
"""

from tests.admin import test_access as access
from tests.web.table import (
    METHODS,
    NONE,
    PEOPLE,
    WHO,
    Rule,
)

# Of the pages of the admin that are about no one table, those that only lead on.
_EVERYBODY = frozenset(WHO)
# Django's views in classes take the methods that they name, and PUT for a POST where there is a form.
_READ = {"POST": NONE, "PUT": NONE, "PATCH": NONE, "DELETE": NONE}
_FORM = {"PATCH": NONE, "DELETE": NONE}
ALONE: dict[str, Rule] = {
    "/admin/login/": Rule(
        _EVERYBODY,
        post=200,
        options=200,
        public=True,
        exact={"PUT": 200, **{f"{who} GET": 302 for who in PEOPLE}},
    ),
    "/admin/logout/": Rule(PEOPLE, get=NONE, post=302, options=200),
}
# These ask for a confirmation, and take an empty POST for it.
UNLINKING = {
    "securities_companysecurity_delete": "/admin/securities/companysecurity/1,none/delete/",
    "securities_companyrelationship_delete": "/admin/securities/companyrelationship/1,2,none/delete/",
}
# A page of its own kind, which takes every method for a look.
LOOKED_AT = "linkaudit_heuristicprecision_"
CLASSES = {"autocomplete": _READ, "jsi18n": _READ, "password_change": _FORM, "password_change_done": _READ}


def rule_of(url: str, name: str) -> Rule:
    """The rule of an address of the admin; KeyError for a page that nobody has thought of."""
    if url in ALONE:
        return ALONE[url]
    name = name.removeprefix("admin:")
    may = access.expected(name)
    if name in access.POSTED:
        # Who may not is told so whatever the method.
        refused = {f"{who} {method}": 403 for who in PEOPLE - may for method in METHODS}
        return Rule(may, get=NONE, post=302, exact=refused)
    if name == "linkaudit_linkaudit_bulk_filter":
        # A selection that is not said leads back to the list.
        return Rule(may, post=302, others=200, options=200)
    if name in UNLINKING:
        return Rule(may, post=302, others=200, options=200, post_to=UNLINKING[name])
    if name.endswith("_change") and name not in access.OTHERS and not name.startswith(("auth_", LOOKED_AT)):
        # A row is looked at; what changes it has a page of its own.
        return Rule(may, others=200, options=200, exact={"POST": 403})
    # For somebody of no group no table is listed, so there is no list.
    denied = 404 if name == "app_list" else 403
    return Rule(may, post=200, others=200, options=200, denied=denied, exact=CLASSES.get(name, {}))
