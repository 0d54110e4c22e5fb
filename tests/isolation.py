"""Loaded by pytest before Django's settings are read (`-p tests.isolation`).

Tests say themselves which database and which bucket they use; the ones that the shell names are somebody's data.
"""

import os

for name in ("DATABASE_URL", "DATABASE_URL_FILE", "DEBUG", "SECRET_KEY", "SECRET_KEY_FILE", "ALLOWED_HOSTS"):
    os.environ.pop(name, None)
for name in [name for name in os.environ if name.startswith(("CONTENT_S3_", "AWS_"))]:
    os.environ.pop(name)
# Neither the credentials of whoever runs the tests are found, nor is the network asked for some.
os.environ |= {
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
