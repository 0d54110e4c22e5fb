"""The WSGI entry: `gunicorn ncfd_site.wsgi`."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from ncfd_site.config.errors import UserError

# gunicorn's exit code of workers that cannot start; with another one, it would restart them forever.
_WORKER_CANNOT_START = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
try:
    application = get_wsgi_application()
except UserError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(_WORKER_CANNOT_START)
