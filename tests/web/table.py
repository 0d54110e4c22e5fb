"""Status of each URL by role and method; a URL without a rule fails the matrix.

`may` are the roles with access; other signed-in users get 403 (or `denied`) for the methods that the page has. `get`
(and HEAD) and `post` are the statuses for those with access. A POST has no fields, which no page accepts, or an invalid
`post_query`, or goes to `post_to`, which names no row. `others` is the status of PUT, PATCH and DELETE. Anonymous users
are redirected to the sign-in page for every method, except on `public` pages; the API returns 401 to GET and HEAD.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WHO = ("anonymous", "guest", "reviewer", "adjudicator", "operator", "analyst", "superuser")
USERS = frozenset(WHO) - {"anonymous"}
GROUPS = USERS - {"guest"}
BUT_REVIEWERS = frozenset({"operator", "analyst", "superuser"})
BUT_THE_BIASED = GROUPS - {"reviewer"}
LABELERS = frozenset({"reviewer", "adjudicator", "superuser"})
ADJUDICATORS = frozenset({"adjudicator", "superuser"})
OPERATORS = frozenset({"operator", "superuser"})
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
NONE = 405


@dataclass(frozen=True, slots=True)
class Rule:
    """Statuses of a URL. `exact` overrides the others, by method or by role and method."""

    may: frozenset[str]
    get: int = 200
    post: int = NONE
    others: int = NONE
    options: int = NONE
    denied: int = 403
    anonymous: int = 302
    public: bool = False
    post_query: str = ""
    post_to: str = ""
    exact: Mapping[str, int] = field(default_factory=dict)

    def expected(self, who: str, method: str) -> int:
        """Return the status for a role and method."""
        if (status := self.exact.get(f"{who} {method}")) is not None:
            return status
        if method in self.exact and (self.public or who != "anonymous"):
            return self.exact[method]
        if who == "anonymous" and not self.public:
            return self.anonymous
        by_method = {"GET": self.get, "HEAD": self.get, "POST": self.post, "OPTIONS": self.options}
        status = by_method.get(method, self.others)
        return self.denied if who not in self.may and status != NONE else status


def page(may: frozenset[str], **fields: Any) -> Rule:
    """Return the rule of a page, read-only unless `post` is given."""
    return Rule(may, **fields)


def posted(may: frozenset[str], post: int, **fields: Any) -> Rule:
    """Return the rule of a URL that accepts POST only."""
    return Rule(may, get=NONE, post=post, **fields)


def resource(may: frozenset[str], **fields: Any) -> Rule:
    """Return the rule of a read-only resource of the API, which refuses other methods before it asks who sends them."""
    refused = {f"anonymous {method}": NONE for method in METHODS if method not in ("GET", "HEAD")}
    return Rule(may, anonymous=401, exact=refused, **fields)


TABLE: dict[str, Rule] = {
    # The site's own
    "/": page(USERS),
    "/errors/": page(GROUPS),
    "/activity/": page(USERS),
    "/layout/": posted(USERS, post=302),
    "/schema/": page(BUT_REVIEWERS),
    "/help/": page(USERS),
    "/help/shortcuts/": page(USERS),
    "/help/tour/end/": posted(USERS, post=302),
    # The path and slug of the matrix name no page.
    "/help/<slug:name>.png": page(USERS, get=404),
    "/help/<path:name>/": page(USERS, get=404),
    "/search/": page(USERS),
    "/search/recent/": posted(USERS, post=400),
    "/styleguide/": page(USERS),
    "/retention/": page(OPERATORS, post=400),
    "/healthz": page(frozenset(WHO), public=True),
    "/readyz": page(frozenset(WHO), public=True),
    "/accounts/login/": page(frozenset(WHO), post=200, options=200, public=True, exact={"PUT": 200}),
    "/accounts/logout/": posted(USERS, post=302, options=200),
    # Links and their review
    "/links/": page(GROUPS),
    "/links/<int:audit_id>/": page(GROUPS, post=400),
    "/links/<int:audit_id>/undo/": posted(GROUPS, post=302),
    "/heuristics/": page(GROUPS),
    "/heuristics.json": page(GROUPS),
    "/heuristics/<path:name>/": page(GROUPS),
    "/heuristics/<path:name>.json": page(GROUPS),
    "/heuristics/<path:name>/promote/": page(OPERATORS, post=400),
    "/heuristics/<path:name>/samples/draw/": posted(OPERATORS, post=400),
    "/samples/<int:sample_id>/close/": posted(OPERATORS, post=302),
    "/promotions/": page(GROUPS),
    "/promotions/<int:promotion_id>/": page(GROUPS),
    "/promotions/<int:promotion_id>/revert/": posted(OPERATORS, post=400),
    "/review/": page(LABELERS),
    "/review/lease/": posted(LABELERS, post=302),
    "/review/undo/": posted(LABELERS, post=302),
    "/review/mine/": page(LABELERS),
    # No decision of the user.
    "/review/mine/<int:review_id>/": page(LABELERS, get=404, post=404),
    "/review/shortcuts/": page(LABELERS, post=302),
    # No item is reserved with this token.
    "/review/<uuid:token>/": page(LABELERS, get=404, post=404),
    "/review/<uuid:token>/skip/": posted(LABELERS, post=404),
    "/review/<uuid:token>/heartbeat/": posted(LABELERS, post=409),
    "/adjudication/": page(ADJUDICATORS),
    "/adjudication/<int:audit_id>/": page(ADJUDICATORS, post=400),
    "/agreement/": page(BUT_THE_BIASED),
    # Trials, companies
    "/trials/": page(GROUPS),
    "/trials/compare/": page(GROUPS),
    "/trials/<str:nct_id>/": page(GROUPS),
    "/trials/<str:nct_id>/record/": page(GROUPS),
    "/studies/<int:study_id>/": page(GROUPS),
    "/companies/": page(GROUPS),
    "/companies/<int:cik>/": page(GROUPS),
    "/tickers/<path:ticker>/": page(GROUPS),
    "/sponsors/": page(GROUPS),
    # Background jobs, content, files
    "/jobs/": page(BUT_REVIEWERS),
    "/jobs/schedule/": page(BUT_REVIEWERS),
    "/jobs/schedule/<slug:schedule>/": page(BUT_REVIEWERS, post=400),
    "/jobs/schedule/<slug:schedule>/switch/": posted(OPERATORS, post=302),
    "/jobs/schedule/<slug:schedule>/run/": posted(OPERATORS, post=302),
    "/jobs/<int:job_id>/": page(BUT_REVIEWERS),
    # Polled by an open page; after signing out, it returns the instruction to reload.
    "/jobs/<int:job_id>/progress/": page(BUT_REVIEWERS | {"anonymous"}, public=True),
    "/jobs/<int:job_id>/cancel/": posted(OPERATORS, post=302),
    "/jobs/<int:job_id>/resume/": posted(OPERATORS, post=302),
    "/content/": page(BUT_REVIEWERS),
    "/content/verify/": posted(OPERATORS, post=400),
    "/content/garbage-collection/": page(OPERATORS, post=400),
    "/content/move/": page(OPERATORS, post=400),
    # Of the rows of the matrix no bytes are kept.
    "/content/<int:object_id>/file/": page(BUT_REVIEWERS, get=404),
    "/documents/<int:doc_id>/file/": page(GROUPS, get=404),
    "/exports/files/<int:job_id>/": page(BUT_THE_BIASED, get=404),
    "/exports/<str:name>/<str:format_name>/": page(BUT_THE_BIASED, post=400, post_query="?label=nonsense"),
    # The API and its tokens
    "/tokens/": page(USERS, post=400),
    "/tokens/<int:token_id>/revoke/": posted(USERS, post=404),
    "/api/v1/": page(USERS),
    "/api/v1/openapi.json": resource(USERS),
    "/api/v1/trials": resource(GROUPS),
    "/api/v1/trials/<nct_id>": resource(GROUPS),
    "/api/v1/trials/<nct_id>/scores": resource(GROUPS),
    "/api/v1/trials/<nct_id>/breakdown": resource(GROUPS),
    "/api/v1/trials/<nct_id>/versions": resource(GROUPS),
    "/api/v1/trials/<nct_id>/versions/<version_id>": resource(GROUPS),
    "/api/v1/trials/<nct_id>/difference": resource(GROUPS),
    "/api/v1/runs": resource(GROUPS),
    "/api/v1/compare": resource(GROUPS),
    "/api/v1/companies": resource(GROUPS),
    "/api/v1/companies/<cik>": resource(GROUPS),
    "/api/v1/tickers/<ticker>": resource(GROUPS),
    "/api/v1/sponsors": resource(GROUPS),
    "/api/v1/sponsor-decisions": resource(GROUPS),
    "/api/v1/unresolved-sponsors": resource(GROUPS),
    "/api/v1/sponsors/<rq_id>": resource(GROUPS),
    "/api/v1/studies": resource(GROUPS),
    "/api/v1/studies/<study_id>": resource(GROUPS),
    "/api/v1/staging-errors": resource(GROUPS),
    "/api/v1/staging-errors/<error_id>": resource(GROUPS),
    "/api/v1/links": resource(GROUPS),
    "/api/v1/links/<audit_id>": resource(GROUPS),
    "/api/v1/heuristics": resource(GROUPS),
    "/api/v1/heuristics/<name>": resource(GROUPS),
    "/api/v1/documents": resource(GROUPS),
    "/api/v1/documents/<doc_id>": resource(GROUPS),
    "/api/v1/dashboard": resource(USERS),
    "/api/v1/freshness": resource(USERS),
    "/api/v1/<path:rest>": resource(USERS, get=404),
}
