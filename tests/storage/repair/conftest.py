"""The site of the tests of checking."""

from tests.storage.verification.conftest import site

__all__ = ["site"]
