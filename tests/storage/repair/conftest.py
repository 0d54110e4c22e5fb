"""Fixtures of the verification tests."""

from tests.storage.verification.conftest import site

__all__ = ["site"]
