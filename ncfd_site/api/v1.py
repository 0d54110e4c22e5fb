"""Version 1 of the API: its resources, put together."""

import json
import math
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.module_loading import autodiscover_modules
from ninja import NinjaAPI, Router
from ninja.renderers import BaseRenderer
from ninja.responses import NinjaJSONEncoder

from ncfd_site.api import problems
from ncfd_site.api.operations import declare_get, registered_routers

PREFIX = "/api/v1/"
ABOUT = """The data of the pages as JSON, read-only.

Send `Authorization: Bearer ncfd_…` with a token from `/tokens/`; a token has the permissions of its user. Lists return
`{"items": […], "next": …}`: `next` is the address of the next page, or null. Unknown values are null; numbers have the
digits of their columns, dates are `2026-01-31`, times carry their zone. Each answer has an ETag.
"""


class StrictJson(BaseRenderer):
    """Standard JSON; numbers of the database that are too large become null."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        """Return the JSON text of an answer."""
        try:
            return json.dumps(data, cls=NinjaJSONEncoder, allow_nan=False)
        except ValueError:
            return json.dumps(_replace_non_finite(data), cls=NinjaJSONEncoder, allow_nan=False)


def _replace_non_finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _replace_non_finite(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_replace_non_finite(inner) for inner in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


api = NinjaAPI(
    title="ncfd",
    version="1",
    description=ABOUT,
    urls_namespace="api-v1",
    renderer=StrictJson(),
    # Ninja's pages load scripts from other hosts; the site has its own page.
    docs_url=None,
    openapi_url=None,
)
problems.register_handlers(api)
# Each app registers its resources in a module `api`.
autodiscover_modules("api")
for router in registered_routers():
    api.add_router("", router)

_last = Router()


@declare_get(_last, "/openapi.json", "", dict[str, Any], "OpenAPI description", is_listed=False)
def openapi(request: HttpRequest) -> object:
    """Return the description of the API, OpenAPI 3.1."""
    return describe()


@declare_get(_last, "/{path:rest}", "", None, "Unknown address", is_listed=False)
def not_found(request: HttpRequest, rest: str) -> object:
    """Return 404 for an address without an operation."""
    raise Http404(f"There is nothing at {PREFIX}{rest}. {PREFIX}openapi.json lists all operations.")


# Last, so that every operation of an app precedes the catch-all.
api.add_router("", _last)


@cache
def describe() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description; the same for every user."""
    return api.get_openapi_schema(path_prefix=PREFIX)
