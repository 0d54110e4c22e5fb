"""The addresses of the API and of the pages around it."""

from django.urls import URLPattern, path

from ncfd_site.api import token_views, views
from ncfd_site.api.authentication import behind_the_door
from ncfd_site.api.v1 import api


def _guarded(patterns: list[URLPattern]) -> list[URLPattern]:
    for pattern in patterns:
        pattern.callback = behind_the_door(pattern.callback)
    return patterns


_operations, _, _namespace = api.urls
# Ninja's root has no page of its own: the site's stands there.
_resources = _guarded([pattern for pattern in _operations if isinstance(pattern, URLPattern) and str(pattern.pattern)])

urlpatterns = [
    path("tokens/", token_views.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", token_views.revoke, name="revoke_token"),
    path("api/v1/", views.operations, name="api"),
    path("api/v1/openapi.json", views.openapi, name="openapi"),
    path("api/v1/", (_resources, "ninja", _namespace)),
    path("api/v1/<path:rest>", views.nothing, name="api_nothing"),
]
