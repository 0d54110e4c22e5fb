"""Create the roles of site, pipelines and readers, and grant what they need."""

from argparse import ArgumentParser
from typing import Any

from django.db import connection

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import SiteCommand, fail
from ncfd_site.schema.checks import check_revision
from ncfd_site.schema.database_roles import RoleNames, grant_roles
from ncfd_site.schema.deploy import session


class Command(SiteCommand):
    help = (
        "Create the database roles of the site, of pipelines and of readers, grant them what they need and revoke what "
        "they were granted beyond it. Run it as the owner of the tables after each migrate_alembic and migrate."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        action = parser.add_mutually_exclusive_group(required=True)
        action.add_argument("--plan", action="store_true", help="Print the statements; change nothing.")
        action.add_argument("--apply", action="store_true", help="Execute the statements in one transaction.")
        for role in ("site", "pipeline", "reader"):
            parser.add_argument(f"--{role}", default=f"ncfd_{role}", help="Name of this role. Default: %(default)s.")

    def work(self, options: dict[str, Any]) -> None:
        for warning in check_revision("default"):
            fail(f"{warning.msg} {warning.hint}", ExitCode.REFUSED)
        names = RoleNames(options["site"], options["pipeline"], options["reader"])
        parameters = session.select_libpq_keywords(connection.get_connection_params())
        with session.connect(parameters) as connected, connected.transaction(force_rollback=options["plan"]):
            statements = grant_roles(connected, names)
        for statement in statements:
            self.stdout.write(f"{statement};")
        if not statements:
            self.stdout.write("The roles have what they need, and nothing to change.")
