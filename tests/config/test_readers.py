"""Typed readers of environment variables."""

from pathlib import Path

import pytest

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError


@pytest.mark.parametrize("written", ["1", "true", "YES", " on "])
def test_flag_reads_yes(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SWITCH", written)
    assert environment.read_flag("SWITCH", default=False) is True


@pytest.mark.parametrize("written", ["0", "False", "no", "OFF"])
def test_flag_reads_no(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SWITCH", written)
    assert environment.read_flag("SWITCH", default=True) is False


def test_other_flags_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(ConfigurationError, match=r"^SWITCH is 'maybe'\. Set it to 1 or 0\.$"):
        environment.read_flag("SWITCH", default=True)


@pytest.mark.parametrize("written", [None, "", "  "])
def test_a_blank_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch, written: str | None) -> None:
    if written is None:
        monkeypatch.delenv("VALUE", raising=False)
    else:
        monkeypatch.setenv("VALUE", written)
    assert environment.read_text("VALUE", "other") == "other"
    assert environment.read_flag("VALUE", default=True) is True
    assert environment.read_integer("VALUE", default=7) == 7
    assert environment.read_list("VALUE") == []
    assert environment.read_secret("VALUE") == ""
    assert environment.read_folder("VALUE", default=Path("/here")) == Path("/here")


@pytest.mark.parametrize("written", ["many", "1.5", "0", "70000", "-3"])
def test_other_integers_are_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PORT", written)
    with pytest.raises(ConfigurationError, match=r"^PORT is '.*'\. Set it to an integer from 1 to 65535\.$"):
        environment.read_integer("PORT", default=8000, minimum=1, maximum=65535)


def test_lists_are_split_at_commas_and_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "a.example, b.example c.example,")
    assert environment.read_list("HOSTS") == ["a.example", "b.example", "c.example"]


def test_folders_are_absolute_and_expand_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", "~/content")
    assert environment.read_folder("PLACE", default=Path("/")) == tmp_path / "content"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACE", "content")
    assert environment.read_folder("PLACE", default=Path("/")) == tmp_path / "content"


def test_a_file_is_not_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLACE", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=r"^PLACE names the file '.*'\. Set it to a folder\.$"):
        environment.read_folder("PLACE", default=tmp_path)


def test_a_secret_file_is_read_without_the_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("pässword with blanks \n")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "secret"))
    assert environment.read_secret("KEY") == "pässword with blanks"


def test_a_secret_that_is_set_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEY", "hunter2")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError, match=r"^KEY and KEY_FILE are both set\. Keep one of them\.$"):
        environment.read_secret("KEY")


def test_a_missing_empty_or_binary_secret_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    monkeypatch.setenv("KEY_FILE", str(file))
    with pytest.raises(ConfigurationError, match=r"^Cannot read '.*' of KEY_FILE: No such file or directory\."):
        environment.read_secret("KEY")
    file.write_text(" \n")
    with pytest.raises(ConfigurationError, match="is empty"):
        environment.read_secret("KEY")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is not UTF-8 text"):
        environment.read_secret("KEY")


def test_a_pattern_must_match_the_whole_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORD", raising=False)
    assert environment.read_pattern("WORD", "[a-z]+", expected="a word", default="none") == "none"
    monkeypatch.setenv("WORD", "word")
    assert environment.read_pattern("WORD", "[a-z]+", expected="a word") == "word"
    monkeypatch.setenv("WORD", "two words")
    with pytest.raises(ConfigurationError, match=r"^WORD is 'two words'\. Set it to a word\.$"):
        environment.read_pattern("WORD", "[a-z]+", expected="a word")


@pytest.mark.parametrize("written", ["", "http://127.0.0.1:9000", "https://s3.example.org", "https://[::1]:9000/s3"])
def test_service_urls(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SERVICE", written)
    assert environment.read_service_url("SERVICE") == written


@pytest.mark.parametrize(
    "written",
    ["s3.example.org", "ftp://s3.example.org", "https://", "https://h:port", "https://h?a=1", "https://[", "//h"],
)
def test_other_urls_are_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SERVICE", written)
    with pytest.raises(ConfigurationError, match=r"^SERVICE .* URL of a service, such as https://s3\.example\.org\.$"):
        environment.read_service_url("SERVICE")


def test_a_url_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE", "https://olga:geheim@s3.example.org")
    with pytest.raises(ConfigurationError, match=r"^SERVICE contains a username or a password") as raised:
        environment.read_service_url("SERVICE")
    assert "geheim" not in str(raised.value)
