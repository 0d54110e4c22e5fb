"""Environment and options of all tests, set before Django reads its settings (`-p tests.isolation`)."""

import os
import sys
from pathlib import Path

import pytest

HOME = str(Path(__file__).parent.parent / ".ncfd-test")

# Tests choose their database, bucket and home; those of the shell hold data of the developer.
for name in (
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "DEBUG",
    "SECRET_KEY",
    "SECRET_KEY_FILE",
    "SECRET_KEY_FALLBACKS",
    "ALLOWED_HOSTS",
):
    os.environ.pop(name, None)
OF_OTHERS = ("CONTENT_", "SHARED_", "AWS_", "BACKUP_", "DATABASE_REPLICA_", "REPLICA_")
for name in [name for name in os.environ if name.startswith(OF_OTHERS)]:
    os.environ.pop(name)
os.environ |= {
    "NCFD_HOME": HOME,
    # boto3 finds no credentials of the developer and does not ask the network for some.
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}

if sys.dont_write_bytecode:
    # Compiling takes a third of the start of a process; the tree stays as it is.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = f"{HOME}/pycache"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

SERVERS = {"embedded": ["embedded"], "ordinary": ["ordinary"], "both": ["embedded", "ordinary"]}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        choices=SERVERS,
        default="embedded",
        help="PostgreSQL servers for the tests of schema, functions and migration (default: embedded)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        metafunc.parametrize("server", SERVERS[metafunc.config.getoption("--server")], indirect=True, scope="session")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ran = " and ".join(SERVERS[config.getoption("--server")])
    terminalreporter.write_line(f"Schema, functions and migration: {ran} PostgreSQL (--server={'|'.join(SERVERS)})")
