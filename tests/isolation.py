"""Loaded by pytest before Django's settings are read (`-p tests.isolation`).

Tests say themselves which database they use; the one that the shell names is somebody's data.
"""

import os

for name in ("DATABASE_URL", "DATABASE_URL_FILE", "DEBUG", "SECRET_KEY", "SECRET_KEY_FILE", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)
