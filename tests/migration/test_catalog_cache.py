"""The catalogs of the revisions are read from a scratch database once, and from the disk afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import expected, revisions
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection
from tests.databases import Keywords

HEAD = revisions.head()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installation without a cache."""
    monkeypatch.setenv("NCFD_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def replays(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the newest revision of each scratch database that is built; the revisions are not replayed."""
    built: list[str] = []

    def replay(connection: Connection, line: Sequence[str]) -> Iterator[tuple[str, Catalog]]:
        built.append(line[-1])
        yield from expected.read_catalogs(line).items()

    monkeypatch.setattr(expected, "replay_revisions", replay)
    return built


def entries(home: Path) -> list[Path]:
    return sorted((home / "cache" / "catalogs").iterdir())


def test_cached_catalogs_match_the_revisions(server: Keywords, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = expected.load_server_catalogs(server, revisions.ids())
    assert len(built) == len(revisions.ids())
    monkeypatch.setattr(expected, "scratch_database", None)
    assert expected.load_server_catalogs(server, revisions.ids()) == built
    assert expected.load_server_catalogs(server, [HEAD]) == {HEAD: built[HEAD]}
    assert sum(path.stat().st_size for path in entries(home)) < 50_000


def test_a_later_revision_that_fails_does_not_matter(
    server: Keywords, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replay(connection: Connection, line: Sequence[str]) -> Iterator[tuple[str, Catalog]]:
        yield line[0], {}
        raise MigrationError("The second revision fails.", ExitCode.FAILED)

    monkeypatch.setattr(expected, "replay_revisions", replay)
    first, second = revisions.ids()[:2]
    assert expected.load_server_catalogs(server, [first]) == {first: {}}
    with pytest.raises(MigrationError):
        expected.load_server_catalogs(server, [second])
    assert not (home / "cache").exists()


@pytest.mark.parametrize("changed", ["files", "settings"])
def test_an_entry_made_by_other_files_or_settings_is_not_used(
    server: Keywords, replays: list[str], monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    expected.load_server_catalogs(server, [HEAD])
    other: Mapping[str, str] = server
    if changed == "files":
        monkeypatch.setattr(revisions, "compute_files_digest", lambda: "of other files")
    else:
        other = {**server, "options": "-c quote_all_identifiers=on"}
    expected.load_server_catalogs(other, [HEAD])
    assert replays == [HEAD, HEAD]


def test_a_damaged_entry_is_rebuilt(server: Keywords, home: Path, replays: list[str]) -> None:
    wanted = expected.load_server_catalogs(server, [HEAD])
    (entry,) = entries(home)
    sound = entry.read_bytes()
    half = len(sound) // 2
    damaged = [b"", b"no gzip", sound[:half], sound[:half] + bytes([sound[half] ^ 1]) + sound[half + 1 :]]
    for content in damaged:
        entry.write_bytes(content)
        assert expected.load_server_catalogs(server, [HEAD]) == wanted
        assert entry.read_bytes() != content
    assert len(replays) == 1 + len(damaged)


def test_without_a_folder_for_it_nothing_is_cached(server: Keywords, home: Path, replays: list[str]) -> None:
    (home / "cache").write_text("A file in the place of the folder.")
    for _ in range(2):
        assert expected.load_server_catalogs(server, [HEAD]) == {HEAD: expected.read_catalog(HEAD)}
    assert replays == [HEAD, HEAD]


def test_writers_at_once_leave_one_sound_entry(home: Path) -> None:
    entry = home / "cache" / "catalogs" / "one.json.gz"
    wanted = expected.read_catalogs(revisions.ids())
    expected.write_cache(entry, wanted)
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(expected.write_cache, entry, wanted) for _ in range(8)]
        while not all(writer.done() for writer in writers):
            assert expected.read_cache(entry, revisions.ids()) == wanted
    assert [writer.exception() for writer in writers] == [None] * 8
    assert entries(home) == [entry]


def test_the_oldest_entries_are_dropped(home: Path) -> None:
    for number in range(expected.KEPT_ENTRIES + 2):
        expected.write_cache(home / "cache" / "catalogs" / f"{number:02}.json.gz", {})
    assert len(entries(home)) == expected.KEPT_ENTRIES
