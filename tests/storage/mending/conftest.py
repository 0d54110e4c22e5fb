"""The site of the tests of checking."""

from tests.storage.checking.conftest import site

__all__ = ["site"]
