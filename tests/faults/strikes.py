"""Number every AWS call of a schedule, and let faults strike where a plan says so.

Faults strike at botocore's client method, which PynamoDB and boto3 both pass: above it is the product, below it
AWS, whichever engine stands for it. `Crash` is a BaseException, so no handler of the product catches it; a dead
process makes no further call, not even from its `finally` blocks.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, assert_never

from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.faults.plans import Fault, Kind

Request = dict[str, Any]
Make = Callable[[Request], Any]

_URL = "https://aws.test"


class Crash(BaseException):
    """The process is gone: out of time, out of memory, its host lost."""


@dataclass(slots=True)
class _Invocation:
    """One handler at work: whether its process is gone, and the fault that it meets again and again."""

    function: str
    is_dead: bool = False
    lasting: Fault | None = None


_INVOCATION: ContextVar[_Invocation | None] = ContextVar("invocation", default=None)
"""Each greenlet has its own."""


@contextmanager
def invoked(function: str = "") -> Iterator[None]:
    """Let faults strike inside: one invocation of one handler, of a function or (no name) of a test."""
    token = _INVOCATION.set(_Invocation(function))
    try:
        yield
    finally:
        _INVOCATION.reset(token)


@dataclass(slots=True)
class Strikes:
    """The calls of one schedule, and what has struck them. `watch` sees each call, and whose it is.

    `weather` says what befalls a call (number, name) whatever the plan has for it.
    """

    faults: Mapping[int, Fault] = field(default_factory=dict)
    weather: Callable[[int, str], Fault | None] = lambda _number, _name: None
    watch: Callable[[str, str, Request], None] = lambda _function, _name, _request: None
    made: list[str] = field(default_factory=list)
    fired: list[Fault] = field(default_factory=list)

    def call(self, name: str, request: Request, make: Make) -> Any:
        """Make a call as the plan wants it; what is called outside of any invocation is the tests' own."""
        invocation = _INVOCATION.get()
        if invocation is None:
            return make(request)
        if invocation.is_dead:
            raise Crash(name)
        number = len(self.made)
        self.made.append(name)
        self.watch(invocation.function, name, request)
        fault = self.weather(number, name) or self.faults.get(number, invocation.lasting)
        if fault is None or (fault.kind is Kind.PARTIAL and name not in _HALVES):
            return make(request)
        if fault.is_lasting:
            invocation.lasting = fault
        self.fired.append(fault)
        if fault.kind in {Kind.CRASH_BEFORE, Kind.CRASH_AFTER}:
            invocation.is_dead = True
        return _struck(fault, name, request, make)


@contextmanager
def striking(strikes: Callable[[], Strikes], held: Callable[[str], int]) -> Iterator[None]:
    """Let every call of this process pass the strikes of the schedule that is being played.

    `held` says how many messages that can be seen were taken out of a queue (its URL) to be delivered: it has them.
    """
    below = BaseClient._make_api_call  # noqa: SLF001 - the one place that every client passes

    def call(self: BaseClient, operation_name: str, api_params: Request) -> Any:
        name = f"{self.meta.service_model.service_name}.{operation_name}"

        def make(request: Request) -> Any:
            answer = below(self, operation_name, request)
            return _counted(answer, held(request["QueueUrl"])) if name == _COUNTS else answer

        return strikes().call(name, api_params, make)

    BaseClient._make_api_call = call  # noqa: SLF001 - see above
    try:
        yield
    finally:
        BaseClient._make_api_call = below  # noqa: SLF001 - see above


_COUNTS, _VISIBLE = "sqs.GetQueueAttributes", "ApproximateNumberOfMessages"


def _counted(answer: Any, more: int) -> Any:
    told = answer["Attributes"]
    return {**answer, "Attributes": {**told, _VISIBLE: str(int(told[_VISIBLE]) + more)}}


def _struck(fault: Fault, name: str, request: Request, make: Make) -> Any:
    match fault.kind:
        case Kind.ERR_BEFORE:
            raise EndpointConnectionError(endpoint_url=_URL)
        case Kind.THROTTLE:
            raise _refusal(name, request)
        case Kind.CRASH_BEFORE:
            raise Crash(name)
        case Kind.PARTIAL:
            return _HALVES[name](request, make)
        case Kind.REPEATED:
            make(request)
            return make(request)
        case Kind.ERR_AFTER:
            with suppress(ClientError):  # a refusal is an answer too
                make(request)
            raise ReadTimeoutError(endpoint_url=_URL)
        case Kind.CRASH_AFTER:
            with suppress(ClientError):
                make(request)
            raise Crash(name)
        case _:
            assert_never(fault.kind)


def _refusal(name: str, request: Request) -> ClientError:
    """Answer what AWS says when the SDK's own attempts are used up."""
    service, operation = name.split(".")
    told: Any = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "struck"}}
    if service == "sqs":
        told["Error"]["Code"] = "RequestThrottled"
    if operation == "TransactWriteItems":
        told["Error"]["Code"] = "TransactionCanceledException"
        reasons = ["TransactionConflict", *["None"] * (len(request["TransactItems"]) - 1)]
        told["CancellationReasons"] = [{"Code": code} for code in reasons]
    return ClientError(told, operation)


def _half_sent(request: Request, make: Make) -> Any:
    """Take all entries of a message batch but the last."""
    *good, bad = request["Entries"]
    failed = {"Id": bad["Id"], "SenderFault": False, "Code": "InternalError", "Message": "struck"}
    answer = make({**request, "Entries": good}) if good else {"Successful": []}
    return {**answer, "Failed": [*answer.get("Failed", ()), failed]}


def _half_read(request: Request, make: Make) -> Any:
    """Read all keys of a batch but the last of each table; where that is none, DynamoDB refuses the call."""
    asked = request["RequestItems"]
    first = {table: {**of, "Keys": of["Keys"][:-1]} for table, of in asked.items() if len(of["Keys"]) > 1}
    if not first:
        raise _refusal("dynamodb.BatchGetItem", request)
    answer = make({**request, "RequestItems": first})
    left = {table: {**of, "Keys": of["Keys"][-1:]} for table, of in asked.items()}
    return {**answer, "UnprocessedKeys": left}


def _half_written(request: Request, make: Make) -> Any:
    """Do all writes of a batch but the last of each table."""
    asked = request["RequestItems"]
    first = {table: items[:-1] for table, items in asked.items() if len(items) > 1}
    answer = make({**request, "RequestItems": first}) if first else {}
    return {**answer, "UnprocessedItems": {table: items[-1:] for table, items in asked.items()}}


_HALVES: Mapping[str, Callable[[Request, Make], Any]] = {
    "dynamodb.BatchGetItem": _half_read,
    "dynamodb.BatchWriteItem": _half_written,
    "sqs.SendMessageBatch": _half_sent,
}

BATCHES = frozenset(_HALVES)
"""The calls that can be done by half."""
