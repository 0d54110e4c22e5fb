"""Admin pages of tables with a composite key, which Django's admin refuses to register.

Lists and pages work once the URL of a row is built here. History, actions and the editing of keys are not supported.
Where the rows link two things, users add and remove links through services.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.text import capfirst

from ncfd_site.adminkit.links import get_list_url, get_object_url, split_object_id
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.config.errors import UserError
from ncfd_site.core.permissions import current_user


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


class LinkForm(forms.Form):
    """The two ends of a new link."""

    def __init__(self, *args: Any, admin_site: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_site(admin_site)

    def use_site(self, admin_site: Any) -> None:
        """Set widgets that search on the admin site."""


class LinkAdmin(CompositeAdmin):
    """Lists and pages with the actions link and unlink."""

    link_form: ClassVar[type[LinkForm]]

    def link(self, request: HttpRequest, given: dict[str, Any]) -> tuple[Any, bool]:
        """Create the link; return its row and whether it is new. Raises `UserError`."""
        raise NotImplementedError

    def unlink(self, request: HttpRequest, row: Any) -> bool:
        """Delete the link; return whether it existed. Raises `UserError`."""
        raise NotImplementedError

    def describe_consequence(self, row: Any) -> str:
        """Return what unlinking will change."""
        raise NotImplementedError

    def describe_link(self, row: Any) -> str:
        """Return the name of the link, after "Linked" or "Unlinked"."""
        return str(row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._has_model_permission(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._has_model_permission(request, "delete")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("add/", self.admin_view(self.link_view), name=self.get_url_name("add")),
            path("<path:object_id>/delete/", self.admin_view(self.unlink_view), name=self.get_url_name("delete")),
            *super().get_urls(),
        ]

    def link_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form of a new link, and create it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.link_form(request.POST or None, initial=request.GET.dict(), admin_site=self.admin_site)
        if request.method == "POST" and form.is_valid():
            try:
                row, is_new = self.link(request, form.cleaned_data)
            except UserError as error:
                form.add_error(None, str(error))
            else:
                name = self.describe_link(row)
                if is_new:
                    self._log_link_action(request, row, ADDITION, name)
                    self.message_user(request, f"Linked {name}.", messages.SUCCESS)
                else:
                    self.message_user(request, f"{capfirst(name)} are linked already.", messages.WARNING)
                return HttpResponseRedirect(get_object_url(row))
        return self.render_page(
            request, "ncfd/link.html", f"Add {self.opts.verbose_name}", form=form, media=self.media + form.media
        )

    def unlink_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what unlinking will change, and do it after confirmation."""
        row = self.get_object(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if row is None:
            return self.redirect_missing(request, object_id)
        if request.method != "POST":
            context = {"row": row, "consequence": self.describe_consequence(row), "back": get_object_url(row)}
            return self.render_page(request, "ncfd/unlink.html", f"Unlink: {self.describe_link(row)}", **context)
        name = self.describe_link(row)
        if self.unlink(request, row):
            self._log_link_action(request, row, DELETION, name)
            self.message_user(request, f"Unlinked {name}.", messages.SUCCESS)
        else:
            self.message_user(request, f"{capfirst(name)}: already unlinked.", messages.WARNING)
        return HttpResponseRedirect(get_list_url(self.model))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_delete_permission(request):
            context["tools"] = [(get_object_url(context["original"], "delete"), "Unlink")]
        return super().render_change_form(request, context, *args, **kwargs)

    def _log_link_action(self, request: HttpRequest, row: Any, action: int, name: str) -> None:
        # The manager stores a composite key as a Python tuple, which breaks the links of the log.
        LogEntry.objects.create(
            user=current_user(request),
            content_type=ContentType.objects.get_for_model(self.model),
            object_id=self.build_object_id(row),
            object_repr=name[:200],
            action_flag=action,
        )

    def _has_model_permission(self, request: HttpRequest, action: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename(action, self.opts)}")
