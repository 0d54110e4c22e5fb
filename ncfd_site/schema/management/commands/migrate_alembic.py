"""Bring the schema of the ncfd database to a revision."""

import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.apps import apps
from django.core.management.base import CommandError
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core.command import SiteCommand
from ncfd_site.schema.deploy import deploy, inspection, rewrites, session
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import Progress, RunResult


class Command(SiteCommand):
    help = (
        "Bring the schema of the ncfd database to a revision and verify it. Django's own tables come from 'migrate'"
        " and are not touched."
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
            "--adopt",
            metavar="auto|REVISION",
            help="prove where the schema stands, record that, bring what was made by hand in line, and go on;"
            " with --plan: the evidence and the SQL, and nothing written",
        )
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="ask nothing; consent to a loss or to a long lock is given by name only, never by this",
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output, progress on standard error"
        )
        parser.add_argument(
            "--allow-destructive",
            action="append",
            default=[],
            metavar="REVISION",
            help="agree that this revision destroys rows; may be given more than once",
        )
        parser.add_argument(
            "--allow-rewrite",
            action="append",
            default=[],
            metavar="TABLE",
            help="agree that this table is rewritten although it is big; may be given more than once",
        )
        parser.add_argument(
            "--row-limit",
            type=int,
            default=rewrites.ROW_LIMIT,
            metavar="ROWS",
            help=f"from how many rows on a rewrite needs consent (default: {rewrites.ROW_LIMIT})",
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
        outcome = RunResult(database="?")
        progress = Progress((self.stderr if options["json"] else self.stdout).write, options["verbosity"], outcome)
        try:
            parameters = _parameters(options["database"])
            outcome.database = parameters.get("dbname", options["database"])
            self._run(parameters, options, progress)
        except UserError as refusal:
            outcome.error = str(refusal)
            outcome.exit_code = getattr(refusal, "exit_code", ExitCode.UNUSABLE_CONNECTION)
        except psycopg.errors.LockNotAvailable:
            outcome.error = (
                "A table has been locked by another session for too long: look into pg_locks, end that session, and "
                "run it again; it goes on from there."
            )
            outcome.exit_code = ExitCode.LOCKED
        except psycopg.Error as error:
            said = error.diag.message_primary or str(error).strip()
            outcome.error = f"PostgreSQL broke off: {said}. Run it again once that is mended; it goes on from there."
            outcome.exit_code = ExitCode.UNUSABLE_CONNECTION
        if options["json"] and not options["sql"]:
            self.stdout.write(outcome.as_json())
        if outcome.error:
            raise CommandError(outcome.error, returncode=outcome.exit_code)
        if outcome.exit_code:
            raise SystemExit(int(outcome.exit_code))

    def _run(self, parameters: dict[str, Any], options: dict[str, Any], progress: Progress) -> None:
        target = options["revision"]
        if options["adopt"]:
            self._adopt(parameters, options, progress)
        elif options["sql"]:
            self.stdout.write(inspection.render_sql(parameters, target, progress.outcome), ending="")
        elif options["drift"]:
            inspection.show_drift(parameters, progress, options["exclude"])
        elif options["verify_only"]:
            inspection.verify_only(parameters, progress, _models())
        elif options["history"]:
            inspection.show_history(parameters, progress)
        elif options["plan"] or options["check"]:
            if inspection.show_plan(parameters, target, progress) and options["check"]:
                progress.outcome.exit_code = ExitCode.PENDING
        else:
            deploy.deploy(parameters, target, progress, _terms(options))

    def _adopt(self, parameters: dict[str, Any], options: dict[str, Any], progress: Progress) -> None:
        if any(options[other] for other in ("check", "drift", "verify_only", "history", "sql")):
            raise CommandError("--adopt goes with --plan or with none of the others.", returncode=ExitCode.USAGE)
        if options["plan"]:
            script = deploy.plan_adoption(parameters, options["adopt"], options["revision"], progress)
            if options["json"]:
                progress.outcome.adoption = {**(progress.outcome.adoption or {}), "sql": script}
            else:
                self.stdout.write(script, ending="")
            return

        def confirm() -> bool:
            if not options["interactive"] or not sys.stdin.isatty():
                return True
            return input("Adopt it like this? [y/N] ").strip().lower() in ("y", "yes")

        deploy.adopt_schema(parameters, options["adopt"], options["revision"], progress, _terms(options), confirm)


def _terms(options: dict[str, Any]) -> DeployOptions:
    return DeployOptions(
        options["allow_destructive"], options["allow_rewrite"], options["row_limit"], options["lock_wait"], _models()
    )


def _models() -> dict[str, list[str]]:
    """The tables that the models of this project read, with their columns."""
    return {
        model._meta.db_table: [field.column for field in model._meta.concrete_fields if field.column]
        for model in apps.get_models()
        if not model._meta.managed
    }


def _parameters(alias: str) -> dict[str, Any]:
    """The psycopg keywords of one of Django's databases, without what only Django's own connections take."""
    try:
        keywords = connections[alias].get_connection_params()
    except ConnectionDoesNotExist:
        raise CommandError(
            f"There is no database {alias!r}; known: {', '.join(connections)}.", returncode=ExitCode.USAGE
        ) from None
    return session.select_libpq_keywords(keywords)
