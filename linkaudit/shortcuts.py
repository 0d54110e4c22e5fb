"""The shortcuts of the review desk in the help, which imports this module by its name, with the user's own keys."""

from django.http import HttpRequest

from linkaudit.review.shortcuts import ACTIONS, load_shortcuts
from linkaudit.services import LABEL
from ncfd_site.web.help.shortcuts import Keys, ShortcutGroup, register


def list_desk_keys(request: HttpRequest) -> Keys:
    """Return the keys in use and their actions; none if the user has turned shortcuts off."""
    keys = load_shortcuts(request).active_keys
    return [(keys[action.name].upper(), action.label) for action in ACTIONS if keys[action.name]]


register(ShortcutGroup("Review desk", list_desk_keys, LABEL))
