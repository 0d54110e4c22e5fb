"""Migrate the schema of the ncfd database to a revision."""

import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core.command import SiteCommand
from ncfd_site.schema.deploy import deploy, inspection, rewrites, session
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import LOCK_WAIT_SECONDS, Progress, RunResult, explain_error


class Command(SiteCommand):
    help = (
        "Migrate the schema of the ncfd database to a revision and verify it. The tables of Django itself belong to"
        " 'migrate' and are not touched."
    )
    # The models fit the database after the migration only.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "revision", nargs="?", default="head", help="An id, 'head', 'base', +N or -N (default: head)."
        )
        parser.add_argument("--database", default="default", help="Alias in DATABASES (default: default).")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--plan", action="store_true", help="Show the plan; write nothing.")
        mode.add_argument("--check", action="store_true", help="Exit with 1 if revisions are pending; write nothing.")
        mode.add_argument(
            "--drift",
            action="store_true",
            help="List differences from the current revision; exit with 3 if there are any.",
        )
        mode.add_argument(
            "--verify-only", action="store_true", help="Verify the database as after a run; exit with 3 if that fails."
        )
        mode.add_argument("--history", action="store_true", help="Show the log of runs.")
        mode.add_argument("--sql", action="store_true", help="Print the SQL of a run; write nothing.")
        parser.add_argument(
            "--adopt",
            metavar="auto|REVISION",
            help="Determine the current revision, record it, adopt out-of-band changes, and upgrade. With --plan: print"
            " the evidence and the SQL; write nothing.",
        )
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Ask no questions. This never consents to data loss or long locks.",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="Print one JSON object to standard output and progress to standard error.",
        )
        parser.add_argument(
            "--allow-destructive",
            action="append",
            default=[],
            metavar="REVISION",
            help="Consent to data loss by this revision; repeatable.",
        )
        parser.add_argument(
            "--allow-rewrite",
            action="append",
            default=[],
            metavar="TABLE",
            help="Consent to the rewrite of this large table; repeatable.",
        )
        parser.add_argument(
            "--row-limit",
            type=int,
            default=rewrites.ROW_LIMIT,
            metavar="ROWS",
            help=f"Rewrites of tables with more rows need consent (default: {rewrites.ROW_LIMIT}).",
        )
        parser.add_argument(
            "--exclude",
            action="append",
            default=[],
            metavar="PATTERN",
            help="With --drift: ignore objects with a matching name, such as 'audit_*'; repeatable.",
        )
        parser.add_argument(
            "--repair-sql",
            action="store_true",
            help="With --drift: print the SQL that repairs the differences; write nothing.",
        )
        parser.add_argument(
            "--lock-wait",
            type=float,
            default=LOCK_WAIT_SECONDS,
            metavar="SECONDS",
            help=f"Maximum wait for another run (default: {LOCK_WAIT_SECONDS:.0f}).",
        )

    def work(self, options: dict[str, Any]) -> None:
        result = RunResult(database="?")
        stream = self.stderr if options["json"] else self.stdout

        def write(line: str) -> None:
            # A log shows at once what the run waits for.
            stream.write(line)
            stream.flush()

        progress = Progress(write, options["verbosity"], result, options["lock_wait"])
        try:
            parameters = _read_parameters(options["database"])
            result.database = parameters.get("dbname", options["database"])
            self._run(parameters, options, progress)
        except UserError as error:
            result.error = str(error)
            result.exit_code = error.exit_code
        except psycopg.Error as error:
            explained = explain_error(error, progress)
            result.error, result.exit_code = str(explained), explained.exit_code
        except (CommandError, OSError):
            raise
        # Broad: a deploy that ends with a traceback would exit with 1, which means "pending".
        except Exception as error:
            if options["traceback"]:
                raise
            result.error = (
                f"Unexpected {type(error).__name__}: {error}. Run the command with --traceback and report it."
            )
            result.exit_code = ExitCode.FAILED
        if options["json"] and not (options["sql"] or options["repair_sql"]):
            self.stdout.write(result.as_json())
        if result.error:
            raise CommandError(result.error, returncode=result.exit_code)
        if result.exit_code:
            raise SystemExit(int(result.exit_code))

    def _run(self, parameters: dict[str, Any], options: dict[str, Any], progress: Progress) -> None:
        target = options["revision"]
        if options["adopt"]:
            self._adopt(parameters, options, progress)
        elif options["sql"]:
            self.stdout.write(inspection.render_sql(parameters, target, progress), ending="")
        elif options["drift"] and options["repair_sql"]:
            self.stdout.write(inspection.render_repair_sql(parameters, progress, options["exclude"]), ending="")
        elif options["drift"]:
            inspection.show_drift(parameters, progress, options["exclude"])
        elif options["verify_only"]:
            inspection.verify_only(parameters, progress, _read_models())
        elif options["history"]:
            inspection.show_history(parameters, progress)
        elif options["plan"] or options["check"]:
            if inspection.show_plan(parameters, target, progress, check=options["check"]) and options["check"]:
                progress.result.exit_code = ExitCode.PENDING
        else:
            deploy.deploy(parameters, target, progress, _read_options(options))

    def _adopt(self, parameters: dict[str, Any], options: dict[str, Any], progress: Progress) -> None:
        if any(options[other] for other in ("check", "drift", "verify_only", "history", "sql")):
            raise CommandError(
                "--adopt goes with --plan, not with --check, --drift, --verify-only, --history or --sql.",
                returncode=ExitCode.USAGE,
            )
        if options["plan"]:
            script = deploy.plan_adoption(parameters, options["adopt"], options["revision"], progress)
            if options["json"]:
                progress.result.adoption = {**(progress.result.adoption or {}), "sql": script}
            else:
                self.stdout.write(script, ending="")
            return

        def confirm() -> bool:
            if not options["interactive"] or not sys.stdin.isatty():
                return True
            return input("Adopt this schema? [y/N] ").strip().lower() in ("y", "yes")

        deploy.adopt_schema(
            parameters, options["adopt"], options["revision"], progress, _read_options(options), confirm
        )


def _read_options(options: dict[str, Any]) -> DeployOptions:
    return DeployOptions(
        options["allow_destructive"],
        options["allow_rewrite"],
        options["row_limit"],
        _read_models(),
    )


def _read_models() -> dict[str, list[str]]:
    """Return the columns of each model of the revisions' tables, by table."""
    return {
        model._meta.db_table: [field.column for field in model._meta.concrete_fields if field.column]
        for model in apps.get_models()
        if model._meta.app_label in settings.MIGRATION_MODULES
    }


def _read_parameters(alias: str) -> dict[str, Any]:
    """Return the psycopg keywords of one of Django's databases."""
    try:
        keywords = connections[alias].get_connection_params()
    except ConnectionDoesNotExist:
        raise CommandError(
            f"There is no database {alias!r}. Known: {', '.join(connections)}.", returncode=ExitCode.USAGE
        ) from None
    return session.select_libpq_keywords(keywords)
