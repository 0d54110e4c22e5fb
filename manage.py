#!/usr/bin/env python3
"""The command line of the site."""

import os
import sys

from django.core.management import execute_from_command_line

from ncfd_site.config.errors import UserError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
    try:
        execute_from_command_line(sys.argv)
    except UserError as error:
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
