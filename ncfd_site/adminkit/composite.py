"""Pages for tables with a composite key, which Django's admin refuses to register.

Its lists and pages work on such a table once the address of a row is made here. What does not is left out: the
history of a row, actions on many, and the editing of keys.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from ncfd_site.adminkit.links import parts_of_id
from ncfd_site.adminkit.tables import ReadOnlyAdmin


class CompositeAdmin(ReadOnlyAdmin):
    """Read-only pages of a table with a composite key."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row of an address, or None where there is none or the address makes no sense."""
        fields: Sequence[models.Field] = self.opts.pk_fields
        parts = parts_of_id(object_id)
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
    """Put the pages of a table with a composite key on the admin, beside the ones that Django registers."""

    def decorate(admin_class: type[CompositeAdmin]) -> type[CompositeAdmin]:
        # `AdminSite.register` raises for a composite key and has no other way in. Everything else reads this mapping:
        # addresses, index, lists of an app, system checks.
        site._registry[model] = admin_class(model, site)  # noqa: SLF001
        return admin_class

    return decorate
