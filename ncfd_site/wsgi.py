"""The entry for a WSGI server: `gunicorn ncfd_site.wsgi`."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from ncfd_site.config.errors import UserError

# What gunicorn's workers end with when they cannot start; with another code it would start them again and again.
_WORKER_CANNOT_START = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
try:
    application = get_wsgi_application()
except UserError as refusal:
    sys.stderr.write(f"{refusal}\n")
    sys.exit(_WORKER_CANNOT_START)
