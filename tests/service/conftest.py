"""The service on in-process AWS, with AWS's bad days."""

from tests.stores.conftest import faults

__all__ = ["faults"]
