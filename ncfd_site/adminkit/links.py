"""Links between pages of the admin."""

from typing import Any
from urllib.parse import quote as percent
from urllib.parse import unquote as unpercent
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.db import models
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def id_in_url(row: models.Model) -> str:
    """Return the key of a row as the address of its page has it; a composite key is its parts with commas between."""
    key = row.pk
    if isinstance(key, tuple):
        return ",".join(_part(part) for part in key)
    return str(quote(key))


def parts_of_id(object_id: str) -> list[str]:
    """Return the parts of a composite key from the address of its page."""
    return [unpercent(part) for part in object_id.split(",")]


def object_url(row: models.Model, action: str = "change") -> str:
    """Return the address of a row's page, or of another page about that row."""
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{action}", args=(id_in_url(row),))


def object_link(row: models.Model, text: str = "") -> SafeString:
    """Return a link to a row's page."""
    return format_html('<a href="{}">{}</a>', object_url(row), text or str(row))


def list_url(model: type[models.Model], **parameters: Any) -> str:
    """Return the address of a model's list, searched and filtered as the parameters say."""
    opts = model._meta
    address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return f"{address}?{urlencode(parameters)}" if parameters else address


def list_link(model: type[models.Model], text: str, **parameters: Any) -> SafeString:
    """Return a link to a model's list, searched and filtered as the parameters say."""
    return format_html('<a href="{}">{}</a>', list_url(model, **parameters), text)


def _part(part: Any) -> str:
    # The admin reads "_2C" in an address as a comma of its own quoting, so no underscore may be left.
    return percent(str(part), safe="").replace("_", "%5F")
