"""The property of every run on every live database."""

import random
import re
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tests.databases import Keywords
from tests.migration import states
from tests.migration.generator import attributes
from tests.migration.generator.attributes import Attribute
from tests.migration.generator.build import MOST_ACTS, LiveDatabase, build, read_version
from tests.migration.running import call, finish, query, start
from tests.migration.test_runs import REVISIONS

# Documented exit codes of a run that refuses: rejected state, locked, needs consent, not fit.
_ADOPT, _CONSENT = 5, 8
_CODES = range(10)
_CONSENTS = re.compile(r"--allow-(?:destructive|rewrite) \S+")


@dataclass(frozen=True)
class Outcome:
    """The end of a seed: the last exit code, the fault, and the message of a refusal."""

    code: int
    fault: str
    message: str
    summary: tuple[str, ...]


def _check(server: Keywords, seed: int, name: str, without: Collection[int] = ()) -> Outcome:
    """Run `migrate_alembic` on the database of this seed, with its fault, and again; fail on any loss.

    The runs end at head with every row, grant, owner, comment, option and user object as before, or they refuse before
    they write and report the cause. After a fault the next run converges.
    """
    rng = random.Random(f"fault {seed}")
    with build(server, seed, name, without) as live:
        fault = rng.choice([_none, _none, _kill, _disconnect, _time_out, _lock, _second_runner])
        story = "\n".join([f"seed {seed}, fault {fault.__name__[1:]}", *live.summary])
        code, message = fault(rng, live)
        if fault is not _none:
            _require_documented(code, message, f"{story}\nwith the fault")
            _require_kept(live, f"{story}\nafter the fault: {code}\n{message}")
        code, message = _run_with_consent(live, story)
        if code == 0:
            _require_kept(live, f"{story}\n{message}")
            assert query(live.superuser, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)], story
            again, text = _call(live)
            assert again == 0, f"{story}\nThe second run: {text}"
        else:
            assert _is_untouched(live), f"{story}\nrefused with {code} after writing:\n{message}"
        return Outcome(code, fault.__name__[1:], message, live.summary)


def check_seed(server: Keywords, seed: int, name: str) -> Outcome:
    """Check a seed; on a failure, note the acts that the failure needs, to make a named test of them."""
    try:
        return _check(server, seed, name)
    except AssertionError as error:
        needless: list[int] = []
        for number in range(MOST_ACTS):
            try:
                _check(server, seed, name, [*needless, number])
            except AssertionError:
                needless.append(number)
        error.add_note(f"Acts that the failure does not need: {needless}")
        raise


def _run_with_consent(live: LiveDatabase, story: str) -> tuple[int, str]:
    """Run until the end; give the consent that a refusal asks for, as an operator would who has read it."""
    arguments: list[str] = []
    for _ in range(4):
        code, message = _call(live, *arguments)
        _require_documented(code, message, story)
        if code == _ADOPT and "--adopt" not in arguments and "--adopt" in message:
            asked = re.search(r"--adopt (\S+)", message)
            arguments += ["--adopt", asked[1].rstrip(".,;`'\"") if asked else "auto", "--noinput"]
        elif code == _CONSENT and (asked_for := set(_CONSENTS.findall(message)) - {" ".join(arguments)}):
            arguments += [word for consent in sorted(asked_for) for word in consent.split()]
        else:
            break
    return code, message


def _call(live: LiveDatabase, *arguments: str) -> tuple[int, str]:
    code, out, error = call(live.runner, *arguments)
    return code, f"migrate_alembic {' '.join(arguments)}: {code}\n{out[-2000:]}\n{error}"


def _require_documented(code: int, message: str, story: str) -> None:
    assert code in _CODES, f"{story}\nexit code {code}\n{message}"
    assert code != 1, f"{story}\nexit code 1 means pending\n{message}"
    assert "Traceback" not in message, f"{story}\n{message}"


def _require_kept(live: LiveDatabase, story: str) -> None:
    assert states.kept(live.rows, states.rows(live.superuser)) == [], story
    present = attributes.read(live.superuser)
    lost = {one for one in live.attached if one not in present and _as_at_head(one) not in present}
    # The search path of a SECURITY DEFINER trigger function, and PARALLEL SAFE, are parts of our definitions.
    pinned = {one.object for one in present if one.attribute == "setting" and one.value.startswith("search_path=")}
    safe = {one.object for one in present if (one.attribute, one.value) == ("parallel", "s")}
    lost -= {one for one in lost if one.object in {"setting": pinned, "parallel": safe}.get(one.attribute, ())}
    lost -= {one for one in lost if _is_announced(one, story)}
    assert not lost, f"{story}\nLost:\n{attributes.describe(lost)}"


def _is_announced(lost: Attribute, story: str) -> bool:
    """Return whether a run reported, after it had asked for consent, that it could not put this back."""
    name = lost.object.partition(" ")[2]
    reports = [line for line in story.splitlines() if "Lost, by consent: " in line]
    return any(name in line and lost.attribute.upper() in line for line in reports)


# What revisions rename.
_RENAMED = (
    ("staging_errors_error_id_seq", "staging_errors_id_seq"),
    ("staging_errors.error_id", "staging_errors.id"),
    ("storage_references_ref_id_seq", "storage_references_reference_id_seq"),
    ("storage_references.ref_id", "storage_references.reference_id"),
)


def _as_at_head(attribute: Attribute) -> Attribute:
    name = attribute.object
    for old, new in _RENAMED:
        name = name.replace(old, new)
    return attribute._replace(object=name)


def _is_untouched(live: LiveDatabase) -> bool:
    is_same = read_version(live.superuser) == live.version and states.rows(live.superuser) == live.rows
    return is_same and live.attributes <= attributes.read(live.superuser)


Fault = Callable[[random.Random, LiveDatabase], tuple[int, str]]


def _none(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    return 0, ""


def _kill(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    process = start(live.runner)
    time.sleep(rng.uniform(0.5, 4))
    process.send_signal(signal.SIGKILL)
    code, _, error = finish(process)
    return max(code, 0), error


def _disconnect(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    def end() -> None:
        time.sleep(rng.uniform(0, 2))
        query(
            live.superuser,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()",
        )

    with _beside(end):
        return _call(live)


def _time_out(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    name = live.superuser["dbname"]
    states.execute(live.superuser, f"ALTER DATABASE {name} SET statement_timeout = {rng.choice([20, 100, 400])}")
    try:
        return _call(live)
    finally:
        states.execute(live.superuser, f"ALTER DATABASE {name} RESET statement_timeout")


def _lock(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    tables = [
        row[0]
        for row in query(live.superuser, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    ]
    with psycopg.connect(**live.superuser) as holder:
        if tables:
            mode = rng.choice(["ACCESS SHARE", "ROW EXCLUSIVE", "ACCESS EXCLUSIVE"])
            holder.execute(f"LOCK TABLE {rng.choice(tables)} IN {mode} MODE".encode())

        def release() -> None:
            time.sleep(rng.uniform(0.1, 3))
            holder.close()

        with _beside(release):
            return _call(live)


def _second_runner(rng: random.Random, live: LiveDatabase) -> tuple[int, str]:
    other = start(live.runner)
    time.sleep(rng.uniform(0, 2))
    code, message = _call(live)
    second, _, error = finish(other)
    assert second == code, f"Two runs differ: {code} and {second}\n{message}\n{error}"
    return code, message


@contextmanager
def _beside(act: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()
