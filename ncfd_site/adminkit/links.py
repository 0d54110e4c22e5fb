"""URLs of and links to pages of the admin."""

from typing import Any
from urllib.parse import quote as percent_encode
from urllib.parse import unquote as percent_decode
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db import models
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def build_object_id(row: models.Model) -> str:
    """Return the primary key as part of a URL; the parts of a composite key are separated by commas."""
    key = row.pk
    if isinstance(key, tuple):
        # The admin decodes "_2C" in a URL as a comma, so no underscore may remain.
        return ",".join(percent_encode(str(part), safe="").replace("_", "%5F") for part in key)
    return str(quote(key))


def split_object_id(object_id: str) -> list[str]:
    """Return the parts of a composite key in a URL."""
    return [percent_decode(part) for part in object_id.split(",")]


def get_object_url(row: models.Model, action: str = "change") -> str:
    """Return the URL of a row's page or of another action on the row."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{action}", args=(build_object_id(row),))


def render_object_link(row: models.Model, text: str = "") -> SafeString:
    """Return a link to a row's page."""
    return format_html('<a href="{}">{}</a>', get_object_url(row), text or str(row))


def get_list_url(model: type[models.Model], **parameters: Any) -> str:
    """Return the URL of a model's list with search and filter parameters."""
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return f"{url}?{urlencode(parameters)}" if parameters else url


def render_list_link(model: type[models.Model], text: str, **parameters: Any) -> SafeString:
    """Return a link to a model's list with search and filter parameters."""
    return format_html('<a href="{}">{}</a>', get_list_url(model, **parameters), text)
