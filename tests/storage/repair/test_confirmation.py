"""Repairs need confirmation."""

import getpass
import sys
from io import StringIO

import pytest

from ncfd_site.config.errors import ExitCode
from storage.models import StorageEvent, StorageObject
from tests.storage.verification.site import Site, run_command, store_object

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    """Input of a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def missized(site: Site) -> list[StorageObject]:
    return [store_object(b"content %d" % number, size_bytes=99) for number in range(2)]


def sizes() -> list[int]:
    return sorted(StorageObject.objects.values_list("size_bytes", flat=True))


@pytest.mark.parametrize("answer", ["y", "yes", " Y "])
def test_yes_makes_the_repairs(
    missized: list[StorageObject],
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    result = run_command("storage_repair")
    assert capsys.readouterr().out == "Make 2 repairs? [y/N] "
    assert result.code == 0
    assert result.lines == [
        *(f"repair: Object {one.pk} ({one.sha256[:12]}, local): change the size from 99 to 9." for one in missized),
        "Made 2 of 2 repairs.",
    ]
    assert sizes() == [9, 9]
    assert {one.actor for one in StorageEvent.objects.all()} == {getpass.getuser()}


@pytest.mark.parametrize("answer", ["", "n", "no", "never"])
def test_other_answers_change_nothing(
    missized: list[StorageObject], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    result = run_command("storage_repair")
    assert (result.code, result.error) == (ExitCode.CONSENT_NEEDED, "Not confirmed. Nothing was changed.")
    assert sizes() == [99, 99]
    assert not StorageEvent.objects.exists()


def test_end_of_input_changes_nothing(missized: list[StorageObject], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert run_command("storage_repair").code == ExitCode.CONSENT_NEEDED
    assert sizes() == [99, 99]


def test_without_terminal_requires_yes_option(missized: list[StorageObject], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("y\n"))
    result = run_command("storage_repair")
    assert result.code == ExitCode.CONSENT_NEEDED
    assert result.error == "Nothing was changed. Use --yes to make 2 repairs without a terminal."
    assert len(result.lines) == 2
    assert sizes() == [99, 99]


def test_without_findings_no_confirmation_is_needed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store_object(b"valid")
    monkeypatch.setattr(sys, "stdin", StringIO())
    assert run_command("storage_repair").lines == ["Nothing to repair."]
