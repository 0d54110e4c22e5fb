"""What each address of the site answers, to whom, by method: a line for each. One without a line fails the matrix.

`may` is who may use it; all others that are signed in get 403 (or `denied`), where the method is one that the page
has. `get` and `post` are what those who may are answered, GET and HEAD alike. A POST carries nothing, which no page
takes for an order; where one does, it carries `post_query`, which is wrong, or goes to `post_to`, which is about no
row. `others` is what PUT, PATCH and DELETE get, `options` what OPTIONS gets. Who is not signed in is sent to the
sign-in page, whatever the method, but for `public` pages; the API says 401.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WHO = ("anonymous", "guest", "reviewer", "adjudicator", "operator", "analyst", "superuser")
PEOPLE = frozenset(WHO) - {"anonymous"}
GROUPS = PEOPLE - {"guest"}
BUT_REVIEWERS = frozenset({"operator", "analyst", "superuser"})
BUT_THE_SWAYED = GROUPS - {"reviewer"}
LABELLERS = frozenset({"reviewer", "adjudicator", "superuser"})
ADJUDICATORS = frozenset({"adjudicator", "superuser"})
OPERATORS = frozenset({"operator", "superuser"})
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
NONE = 405


@dataclass(frozen=True, slots=True)
class Rule:
    """What an address answers. `exact` wins over all else: by a method, or by a person and a method."""

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
        """The status that a person gets."""
        for key in (f"{who} {method}", method):
            if key in self.exact and (self.public or who != "anonymous"):
                return self.exact[key]
        if who == "anonymous" and not self.public:
            return self.anonymous
        by_method = {"GET": self.get, "HEAD": self.get, "POST": self.post, "OPTIONS": self.options}
        status = by_method.get(method, self.others)
        return self.denied if who not in self.may and status != NONE else status


def page(may: frozenset[str], **fields: Any) -> Rule:
    """A page that is only read, or one that takes a POST too where `post` says what it answers."""
    return Rule(may, **fields)


def posted(may: frozenset[str], post: int, **fields: Any) -> Rule:
    """An address that takes a POST and nothing else."""
    return Rule(may, get=NONE, post=post, **fields)


def resource(may: frozenset[str], **fields: Any) -> Rule:
    """A resource of the API: read, never written."""
    return Rule(may, anonymous=401, exact={"OPTIONS": 204}, **fields)


TABLE: dict[str, Rule] = {
    # The site's own
    "/": page(PEOPLE),
    "/errors/": page(GROUPS),
    "/schema/": page(BUT_REVIEWERS),
    "/healthz": page(frozenset(WHO), public=True),
    "/readyz": page(frozenset(WHO), public=True),
    "/accounts/login/": page(frozenset(WHO), post=200, options=200, public=True, exact={"PUT": 200}),
    "/accounts/logout/": posted(PEOPLE, post=302, options=200),
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
    "/review/": page(LABELLERS),
    "/review/lease/": posted(LABELLERS, post=302),
    "/review/undo/": posted(LABELLERS, post=302),
    "/review/shortcuts/": page(LABELLERS, post=302),
    # Nobody holds a place with the token of the matrix.
    "/review/<uuid:token>/": page(LABELLERS, get=404, post=404),
    "/review/<uuid:token>/skip/": posted(LABELLERS, post=404),
    "/review/<uuid:token>/heartbeat/": posted(LABELLERS, post=409),
    "/adjudication/": page(ADJUDICATORS),
    "/adjudication/<int:audit_id>/": page(ADJUDICATORS, post=400),
    "/agreement/": page(BUT_THE_SWAYED),
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
    # Long work, content, files
    "/jobs/": page(BUT_REVIEWERS),
    "/jobs/<int:job_id>/": page(BUT_REVIEWERS),
    # What an open page asks for itself: who has signed out meanwhile gets nothing but the word to load it anew.
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
    "/exports/files/<int:job_id>/": page(BUT_THE_SWAYED, get=404),
    "/exports/<str:name>/<str:format_name>/": page(BUT_THE_SWAYED, post=400, post_query="?label=nonsense"),
    # The API and its tokens
    "/tokens/": page(PEOPLE, post=400),
    "/tokens/<int:token_id>/revoke/": posted(PEOPLE, post=404),
    "/api/v1/": page(PEOPLE),
    "/api/v1/openapi.json": resource(PEOPLE),
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
    "/api/v1/dashboard": resource(PEOPLE),
    "/api/v1/freshness": resource(PEOPLE),
    "/api/v1/<path:rest>": resource(PEOPLE, get=404),
}
