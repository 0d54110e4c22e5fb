"""Keyboard shortcuts of the review desk: the actions, and a user's choice of keys in a signed cookie."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from linkaudit.forms import PlainForm
from ncfd_site.core.browser_settings import read_browser_setting, write_browser_setting

SETTING = "shortcuts"


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the desk with its default key."""

    name: str
    key: str
    label: str


ACTIONS = (
    Action("right", "y", "Right"),
    Action("wrong", "n", "Wrong"),
    Action("unsure", "u", "Unsure"),
    Action("note", "m", "Write a note"),
    Action("skip", "s", "Skip"),
    Action("undo", "z", "Undo"),
    Action("next", "j", "Next highlight"),
    Action("previous", "k", "Previous highlight"),
    Action("quote", "e", "Quoted passage"),
    Action("source", "o", "Open source document"),
    Action("start", "r", "Start / continue"),
    Action("help", "?", "Show shortcuts"),
)
DEFAULTS = {action.name: action.key for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """Keys by the name of the action; "" for none."""

    is_on: bool = True
    keys: dict[str, str] = field(default_factory=lambda: dict(DEFAULTS))

    @property
    def active_keys(self) -> dict[str, str]:
        """Keys in use: none if shortcuts are off."""
        return self.keys if self.is_on else dict.fromkeys(DEFAULTS, "")


class ShortcutsForm(PlainForm):
    """A switch for shortcuts, and the key of each action."""

    on = forms.BooleanField(label="Use shortcuts", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for action in ACTIONS:
            self.fields[action.name] = forms.CharField(
                label=action.label,
                required=False,
                max_length=1,
                widget=forms.TextInput(attrs={"size": 2, "autocapitalize": "off", "autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        """Reject a key for two actions."""
        values: dict[str, Any] = super().clean() or {}
        used: dict[str, str] = {}
        for action in ACTIONS:
            key = values[action.name] = (values.get(action.name) or "").lower()
            if key and key in used:
                self.add_error(action.name, f"{key.upper()} is already used for {used[key]}.")
            used.setdefault(key, action.label)
        return values

    def shortcuts(self) -> Shortcuts:
        """Return the choice of a valid form."""
        return Shortcuts(self.cleaned_data["on"], {name: self.cleaned_data[name] for name in DEFAULTS})


def load_shortcuts(request: HttpRequest) -> Shortcuts:
    """Return the user's shortcuts in this browser, or the defaults."""
    if not request.user.is_authenticated:
        return Shortcuts()
    stored = read_browser_setting(request, SETTING)
    if stored is None:
        return Shortcuts()
    return Shortcuts(stored["on"], {**DEFAULTS, **{name: stored["keys"].get(name, "") for name in DEFAULTS}})


def save_shortcuts(request: HttpRequest, response: HttpResponse, shortcuts: Shortcuts) -> None:
    """Store the user's shortcuts in the browser."""
    write_browser_setting(request, response, SETTING, {"on": shortcuts.is_on, "keys": shortcuts.keys})
