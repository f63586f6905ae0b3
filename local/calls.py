"""Watch the AWS calls of this process, one for each logical call, whatever the SDK does below.

PynamoDB and boto3 both go through botocore's client method; there is one place to look.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

from botocore.client import BaseClient


class Observer(Protocol):
    """Is told of each call, as `service.Operation`; what it raises, the caller of AWS gets."""

    def before(self, client: BaseClient, name: str, request: dict[str, Any]) -> None: ...

    def after(self, client: BaseClient, name: str) -> None: ...


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell an observer of every call made inside this context, by any thread."""
    make = BaseClient._make_api_call  # noqa: SLF001 - the one place that every client passes

    def watch(self: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
        name = f"{self.meta.service_model.service_name}.{operation_name}"
        observer.before(self, name, api_params)
        answer = make(self, operation_name, api_params)
        observer.after(self, name)
        return answer

    BaseClient._make_api_call = watch  # noqa: SLF001 - see above
    try:
        yield
    finally:
        BaseClient._make_api_call = make  # noqa: SLF001 - see above


class CallCounter:
    """Counts calls by `service.Operation`: those that `is_counted` says yes to, when they are made."""

    def __init__(self, is_counted: Callable[[], bool] = lambda: True) -> None:
        self._is_counted = is_counted
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def before(self, _client: BaseClient, name: str, _request: dict[str, Any]) -> None:
        if self._is_counted():
            with self._lock:
                self._counts[name] += 1

    def after(self, client: BaseClient, name: str) -> None:
        pass

    def take(self) -> Counter[str]:
        """Answer the counts so far, and begin anew."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken
