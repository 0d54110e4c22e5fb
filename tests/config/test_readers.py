from pathlib import Path

import pytest

from ncfd_site.config import environment
from ncfd_site.config.errors import ConfigurationError


@pytest.mark.parametrize("written", ["1", "true", "YES", " on "])
def test_flag_reads_yes(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SWITCH", written)
    assert environment.flag("SWITCH", default=False) is True


@pytest.mark.parametrize("written", ["0", "False", "no", "OFF"])
def test_flag_reads_no(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SWITCH", written)
    assert environment.flag("SWITCH", default=True) is False


def test_flag_refuses_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(ConfigurationError, match=r"^SWITCH is 'maybe', but it says yes or no: set it to 1 or 0\.$"):
        environment.flag("SWITCH", default=True)


@pytest.mark.parametrize("written", [None, "", "  "])
def test_blank_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, written: str | None) -> None:
    if written is None:
        monkeypatch.delenv("VALUE", raising=False)
    else:
        monkeypatch.setenv("VALUE", written)
    assert environment.text("VALUE", "other") == "other"
    assert environment.flag("VALUE", default=True) is True
    assert environment.whole("VALUE", default=7) == 7
    assert environment.words("VALUE") == []
    assert environment.secret("VALUE") == ""
    assert environment.folder("VALUE", default=Path("/here")) == Path("/here")


@pytest.mark.parametrize("written", ["many", "1.5", "0", "70000", "-3"])
def test_whole_number_refuses_what_is_none_or_out_of_range(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PORT", written)
    with pytest.raises(ConfigurationError, match=r"^PORT is .*, but it is a whole number from 1 to 65535\.$"):
        environment.whole("PORT", default=8000, least=1, most=65535)


def test_words_are_split_at_commas_and_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "a.example, b.example c.example,")
    assert environment.words("HOSTS") == ["a.example", "b.example", "c.example"]


def test_folder_is_absolute_and_knows_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", "~/content")
    assert environment.folder("PLACE", default=Path("/")) == tmp_path / "content"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACE", "content")
    assert environment.folder("PLACE", default=Path("/")) == tmp_path / "content"


def test_folder_refuses_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLACE", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="which is a file, but it names a folder"):
        environment.folder("PLACE", default=tmp_path)


def test_secret_comes_from_a_file_without_the_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("pässword with blanks \n")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "secret"))
    assert environment.secret("KEY") == "pässword with blanks"


def test_secret_set_twice_is_refused_without_telling_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEY", "hunter2")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError, match=r"^KEY and KEY_FILE are both set: keep one of them\.$"):
        environment.secret("KEY")


def test_secret_file_that_is_missing_empty_or_binary_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    monkeypatch.setenv("KEY_FILE", str(file))
    with pytest.raises(
        ConfigurationError, match=r"^KEY_FILE names '.*', which cannot be read: No such file or directory\.$"
    ):
        environment.secret("KEY")
    file.write_text(" \n")
    with pytest.raises(ConfigurationError, match="which is empty"):
        environment.secret("KEY")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is not UTF-8 text"):
        environment.secret("KEY")


def test_a_shaped_value_fits_whole_or_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORD", raising=False)
    assert environment.shaped("WORD", "[a-z]+", means="a word", default="none") == "none"
    monkeypatch.setenv("WORD", "word")
    assert environment.shaped("WORD", "[a-z]+", means="a word") == "word"
    monkeypatch.setenv("WORD", "two words")
    with pytest.raises(ConfigurationError, match=r"^WORD is 'two words', but it is a word\.$"):
        environment.shaped("WORD", "[a-z]+", means="a word")


@pytest.mark.parametrize("written", ["", "http://127.0.0.1:9000", "https://s3.example.org", "https://[::1]:9000/s3"])
def test_endpoint_is_an_address_of_a_service(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SERVICE", written)
    assert environment.endpoint("SERVICE") == written


@pytest.mark.parametrize(
    "written",
    ["s3.example.org", "ftp://s3.example.org", "https://", "https://h:port", "https://h?a=1", "https://[", "//h"],
)
def test_endpoint_refuses_anything_else(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SERVICE", written)
    with pytest.raises(
        ConfigurationError, match=r"^SERVICE .* address of a service, such as https://s3\.example\.org\.$"
    ):
        environment.endpoint("SERVICE")


def test_endpoint_refuses_a_password_and_does_not_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE", "https://olga:geheim@s3.example.org")
    with pytest.raises(ConfigurationError, match=r"^SERVICE holds a name or a password") as raised:
        environment.endpoint("SERVICE")
    assert "geheim" not in str(raised.value)
