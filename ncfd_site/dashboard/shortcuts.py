"""Shortcuts of the home page to lists of the admin; each app registers its own in its module `dashboard`."""

from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A list in the admin, and what is there."""

    title: str
    url: str
    about: str


_registered: list[tuple[int, type[Model], str]] = []


def register_shortcut(model: type[Model], about: str, *, position: int) -> None:
    """Register the admin list of a model; shortcuts are shown in the order of their positions."""
    _registered.append((position, model, about))


def shortcuts_for(user: User) -> list[Shortcut]:
    """Return the lists that a user may view."""
    if not user.is_staff:
        return []
    shortcuts = []
    for _, model, about in sorted(_registered, key=lambda one: one[0]):
        opts = model._meta
        if admin.site.is_registered(model) and user.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
            address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            shortcuts.append(Shortcut(str(opts.verbose_name_plural).capitalize(), address, about))
    return shortcuts
