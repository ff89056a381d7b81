"""Fixtures; each is made in the support module that it is imported from."""

from tests.support.chromium import chromium, page
from tests.support.stack import running_stack

__all__ = ["chromium", "page", "running_stack"]
