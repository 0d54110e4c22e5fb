"""A repair changes nothing before somebody said yes."""

import getpass
import sys
from io import StringIO

import pytest

from storage.models import StorageEvent, StorageObject
from tests.storage.verification.site import Site, command, keep

pytestmark = pytest.mark.django_db


class Keyboard(StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def wrong_sizes(site: Site) -> list[StorageObject]:
    return [keep(b"content %d" % number, size_bytes=99) for number in range(2)]


def sizes() -> list[int]:
    return sorted(StorageObject.objects.values_list("size_bytes", flat=True))


@pytest.mark.parametrize("answer", ["y", "yes", " Y "])
def test_yes_makes_the_changes(
    wrong_sizes: list[StorageObject],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{answer}\n"))
    ended = command("storage_repair")
    assert capsys.readouterr().out == "Make these 2 changes? [y/N] "
    assert ended.code == 0
    assert ended.lines == [
        *(f"mend: Object {one.pk} ({one.sha256[:12]}, local): size 99 becomes 9." for one in wrong_sizes),
        "Made and recorded 2 of 2 changes.",
    ]
    assert sizes() == [9, 9]
    assert {one.actor for one in StorageEvent.objects.all()} == {getpass.getuser()}


@pytest.mark.parametrize("answer", ["", "n", "no", "never"])
def test_anything_else_changes_nothing(
    wrong_sizes: list[StorageObject], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{answer}\n"))
    ended = command("storage_repair")
    assert (ended.code, ended.said) == (8, "Nothing was changed.")
    assert sizes() == [99, 99]
    assert not StorageEvent.objects.exists()


def test_the_end_of_the_input_is_no_yes(wrong_sizes: list[StorageObject], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(""))
    assert command("storage_repair").said == "Nothing was changed."
    assert sizes() == [99, 99]


def test_without_a_terminal_it_says_how(wrong_sizes: list[StorageObject], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    ended = command("storage_repair")
    assert ended.code == 8
    assert ended.said == (
        "Nothing was changed: there is no terminal to ask on. With --yes the same command makes these 2 changes."
    )
    assert len(ended.lines) == 2
    assert sizes() == [99, 99]


def test_nothing_is_asked_where_nothing_is_wrong(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(b"right")
    monkeypatch.setattr(sys, "stdin", StringIO())
    assert command("storage_repair").lines == ["Nothing needs mending."]
