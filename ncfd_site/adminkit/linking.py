"""Linking and unlinking on tables with a composite key: a row says that two things belong together."""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst

from ncfd_site.adminkit.composite import CompositeAdmin
from ncfd_site.adminkit.links import list_url, object_url
from ncfd_site.config.errors import UserError
from ncfd_site.core.permissions import current_user


class LinkForm(forms.Form):
    """What a new link joins. Fields make their widgets from the admin site that they stand on."""

    def __init__(self, *args: Any, admin_site: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.use_site(admin_site)

    def use_site(self, admin_site: Any) -> None:
        """Give the fields widgets that search on the pages of this admin site."""


class LinkingAdmin(CompositeAdmin):
    """A table with a composite key to whose rows people add, and from which they take away, through services."""

    link_form: ClassVar[type[LinkForm]]

    def link(self, request: HttpRequest, given: dict[str, Any]) -> tuple[Any, bool]:
        """Make the link; return its row, and whether it is new. Raises Refusal."""
        raise NotImplementedError

    def unlink(self, request: HttpRequest, row: Any) -> bool:
        """Take the link away; return whether it was still there. Raises Refusal."""
        raise NotImplementedError

    def consequence(self, row: Any) -> str:
        """Return the sentence that says what will change when the link is taken away."""
        raise NotImplementedError

    def named(self, row: Any) -> str:
        """Return the link in words that people know, after "Linked" or "Unlinked"."""
        return str(row)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._holds(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._holds(request, "delete")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("add/", self.admin_view(self.link_view), name=self.url_name("add")),
            path("<path:object_id>/delete/", self.admin_view(self.unlink_view), name=self.url_name("delete")),
            *super().get_urls(),
        ]

    def link_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form of a new link, and make it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.link_form(request.POST or None, initial=request.GET.dict(), admin_site=self.admin_site)
        if request.method == "POST" and form.is_valid():
            try:
                row, new = self.link(request, form.cleaned_data)
            except UserError as refusal:
                form.add_error(None, str(refusal))
            else:
                return self._linked(request, row, new)
        return self._page(request, "link", f"Add {self.opts.verbose_name}", form=form, media=self.media + form.media)

    def unlink_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what taking the link away will change, and do it when that is confirmed."""
        row = self.get_object(request, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        if row is None:
            return self.gone(request, object_id)
        if request.method != "POST":
            context = {"row": row, "consequence": self.consequence(row), "back": object_url(row)}
            return self._page(request, "unlink", f"Unlink: {self.named(row)}", **context)
        named = self.named(row)
        if self.unlink(request, row):
            self._log(request, row, DELETION, named)
            self.message_user(request, f"Unlinked {named}.", messages.SUCCESS)
        else:
            self.message_user(request, f"There was no link of {named} any more: nothing changed.", messages.WARNING)
        return HttpResponseRedirect(list_url(self.model))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_delete_permission(request):
            context["tools"] = [(object_url(context["original"], "delete"), "Unlink")]
        return super().render_change_form(request, context, *args, **kwargs)

    def _linked(self, request: HttpRequest, row: Any, new: bool) -> HttpResponse:
        if new:
            self._log(request, row, ADDITION, self.named(row))
            self.message_user(request, f"Linked {self.named(row)}.", messages.SUCCESS)
        else:
            self.message_user(request, f"{capfirst(self.named(row))} are linked already.", messages.WARNING)
        return HttpResponseRedirect(object_url(row))

    def _page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media}
        return TemplateResponse(request, f"admin/ncfd/{name}.html", {**common, **context})

    def _log(self, request: HttpRequest, row: Any, action: int, named: str) -> None:
        # The manager's own way in stores the key as Python writes a tuple, and the log's links would lead nowhere.
        LogEntry.objects.create(
            user=current_user(request),
            content_type=ContentType.objects.get_for_model(self.model),
            object_id=self.id_in_url(row),
            object_repr=named[:200],
            action_flag=action,
        )

    def _holds(self, request: HttpRequest, action: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename(action, self.opts)}")
