"""Bring the schema of the ncfd database to a revision."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from ncfd_site.migration import deploy, session
from ncfd_site.migration.failures import Exit
from ncfd_site.migration.report import Outcome, Progress
from ncfd_site.refusals import Refusal


class Command(BaseCommand):
    help = (
        "Bring the schema of the ncfd database to a revision, verify it, and say so. Django's own tables come from"
        " 'migrate' and are not touched. Exit codes: 0 done, 1 pending (--check), 2 usage, 3 not verified, 4 another"
        " run holds the lock, 5 the database needs a person, 6 a revision failed and was rolled back, 8 it would"
        " destroy rows, 9 unsafe connection."
    )
    # Whether the models fit the database is not known before it is migrated.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "revision", nargs="?", default="head", help="an id, 'head', 'base', +N or -N (default: head)"
        )
        parser.add_argument("--database", default="default", help="alias in DATABASES (default: default)")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--plan", action="store_true", help="say what a run would do, and write nothing")
        mode.add_argument("--check", action="store_true", help="exit 1 when something is pending, and write nothing")
        mode.add_argument("--drift", action="store_true", help="say what differs from the revision, both ways; exit 3")
        mode.add_argument("--verify-only", action="store_true", help="verify the database as after a run; exit 3")
        mode.add_argument("--history", action="store_true", help="show the log of runs")
        mode.add_argument("--sql", action="store_true", help="print the SQL of a run, and write nothing")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output, progress on standard error"
        )
        parser.add_argument(
            "--allow-destructive",
            action="append",
            default=[],
            metavar="REVISION",
            help="agree that the downgrade of this revision destroys rows; may be given more than once",
        )
        parser.add_argument(
            "--exclude",
            action="append",
            default=[],
            metavar="PATTERN",
            help="with --drift: leave out objects whose name fits, such as 'audit_*'; may be given more than once",
        )
        parser.add_argument(
            "--lock-wait",
            type=float,
            default=600.0,
            metavar="SECONDS",
            help="how long to wait for another run (default: 600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        outcome = Outcome(database="?")
        progress = Progress((self.stderr if options["json"] else self.stdout).write, options["verbosity"], outcome)
        try:
            parameters = _parameters(options["database"])
            outcome.database = parameters.get("dbname", options["database"])
            if options["sql"]:
                self.stdout.write(deploy.sql(parameters, options["revision"], outcome), ending="")
            elif options["drift"]:
                deploy.drift(parameters, progress, options["exclude"])
            elif options["verify_only"]:
                deploy.verify_only(parameters, progress)
            elif options["history"]:
                deploy.show_history(parameters, progress)
            elif options["plan"] or options["check"]:
                self._plan(parameters, options, progress)
            else:
                deploy.deploy(
                    parameters,
                    options["revision"],
                    progress,
                    allow_destructive=options["allow_destructive"],
                    lock_wait=options["lock_wait"],
                )
        except Refusal as refusal:
            outcome.error = str(refusal)
            outcome.exit_code = getattr(refusal, "exit_code", Exit.UNSAFE_CONNECTION)
        if options["json"] and not options["sql"]:
            self.stdout.write(outcome.as_json())
        if outcome.error:
            raise CommandError(outcome.error, returncode=outcome.exit_code)
        if outcome.exit_code:
            raise SystemExit(int(outcome.exit_code))

    def _plan(self, parameters: dict[str, Any], options: dict[str, Any], progress: Progress) -> None:
        steps = deploy.plan(parameters, options["revision"], progress.outcome)
        if not steps:
            progress.say(f"Nothing to do: {progress.outcome.database} is at {progress.outcome.after}.")
            return
        progress.say("Planned:")
        for direction, revision in steps:
            progress.say(f"  {'apply' if direction == 'up' else 'take back'} {revision.id}: {revision.about}")
        if options["check"]:
            progress.outcome.exit_code = Exit.PENDING


def _parameters(alias: str) -> dict[str, Any]:
    """The psycopg keywords of one of Django's databases, without what only Django's own connections take."""
    try:
        keywords = connections[alias].get_connection_params()
    except ConnectionDoesNotExist:
        raise CommandError(
            f"There is no database {alias!r}; known: {', '.join(connections)}.", returncode=Exit.USAGE
        ) from None
    return session.keywords_of(keywords)
