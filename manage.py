#!/usr/bin/env python3
"""The command line of the site."""

import os
import sys

from django.core.management import execute_from_command_line

from ncfd_site.config.errors import UserError


def main(arguments: list[str]) -> None:
    """Run a command; exit with its code where it fails."""
    try:
        execute_from_command_line(arguments)
    except UserError as error:
        if "--traceback" in arguments:
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
    main(sys.argv)
