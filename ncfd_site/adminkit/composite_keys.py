"""Admin pages of tables with a composite key, which Django's admin refuses to register.

Lists and pages work once the URL of a row is built here. History, actions and the editing of keys are not supported.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from ncfd_site.adminkit.links import split_object_id
from ncfd_site.adminkit.read_only import ReadOnlyAdmin


class CompositeAdmin(ReadOnlyAdmin):
    """Read-only pages of a table with a composite key."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row of a URL, None if the URL is invalid or the row does not exist."""
        fields: Sequence[models.Field] = self.opts.pk_fields
        parts = split_object_id(object_id)
        if len(parts) != len(fields):
            return None
        try:
            wanted = {field.attname: field.to_python(part) for field, part in zip(fields, parts, strict=True)}
        except ValidationError:
            return None
        return self.get_queryset(request).filter(**wanted).first()


def register_composite(
    model: type[models.Model], site: admin.AdminSite = admin.site
) -> Callable[[type[CompositeAdmin]], type[CompositeAdmin]]:
    """Register the admin of a model with a composite key."""

    def decorate(admin_class: type[CompositeAdmin]) -> type[CompositeAdmin]:
        # `AdminSite.register` raises for a composite key. URLs, index and system checks read this mapping.
        site._registry[model] = admin_class(model, site)  # noqa: SLF001
        return admin_class

    return decorate
