"""The three ends of a call, told apart by what AWS says: bare, and as PynamoDB wraps it."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from pynamodb.connection import Connection
from pynamodb.exceptions import PutError, PynamoDBException
from pynamodb.transactions import TransactWrite

from chalicelib.core.errors import Busy, Throttled
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.run_tables import JournalRow, RunRow
from chalicelib.stores.runs import RunStore
from tests.stores.faults import SILENCES, refusal

NOWHERE = Connection(region="us-east-1")
CANCELED = "TransactionCanceledException"
HELD, CONFLICT, CONDITION = "None", "TransactionConflict", "ConditionalCheckFailed"


class Call:
    """A call that meets these errors, one after the other, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def patient(pauses) -> Calls:
    """Calls that are repeated up to four times, without sleeping."""
    return Calls(NOWHERE, pauses.append, jitter=lambda: 1.0)


REFUSED = [
    (refusal("ConditionalCheckFailedException"), (CONDITION,)),
    (refusal(CANCELED, CONDITION), (CONDITION,)),
    (refusal(CANCELED, HELD, CONDITION, HELD), (None, CONDITION, None)),
    (refusal(CANCELED, CONDITION, CONFLICT), (CONDITION, CONFLICT)),
    (refusal(CANCELED, "ThrottlingError", CONDITION), ("ThrottlingError", CONDITION)),
]

PASSING: list[Exception] = [
    *SILENCES,
    EndpointConnectionError(endpoint_url="http://aws.test"),
    *(
        refusal(code)
        for code in (
            "InternalServerError",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "ThrottlingException",
            "TransactionConflictException",
            "TransactionInProgressException",
        )
    ),
    refusal(CANCELED, CONFLICT, HELD),
    refusal(CANCELED, "ThrottlingError", "ProvisionedThroughputExceeded", CONFLICT),
]

AWS_S_FINAL = [
    refusal("ValidationException"),
    refusal("AccessDeniedException"),
    refusal("ResourceNotFoundException"),
    refusal("IdempotentParameterMismatchException"),
    refusal(CANCELED, "ValidationError", HELD),
    refusal(CANCELED, CONFLICT, "ItemCollectionSizeLimitExceeded"),
]
FINAL: list[Exception] = [
    *AWS_S_FINAL,
    PynamoDBException("no cause"),
    ParamValidationError(report="Missing required parameter"),
    PutError("not AWS's fault", cause=ValueError()),
    ValueError("no call at all"),
]


def told(error: Exception) -> str:
    """Name an error by what tells it from the others."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    reasons = error.response.get("CancellationReasons", [])
    return " ".join([error.response["Error"]["Code"], *(reason["Code"] for reason in reasons)])


@pytest.mark.parametrize(("error", "reasons"), REFUSED, ids=[told(error) for error, _ in REFUSED])
class TestARefusal:
    def test_is_told_at_once_with_the_reason_of_each_action(self, patient, pauses, error, reasons):
        call = Call(error)

        with pytest.raises(Refused) as refused:
            patient.make(call)

        assert refused.value.reasons == reasons
        assert [refused.value.is_refused(i) for i in range(len(reasons))] == [code == CONDITION for code in reasons]
        assert (call.times, pauses) == (1, [])


@pytest.mark.parametrize("error", PASSING, ids=told)
class TestAPassingTrouble:
    def test_is_forgotten_when_the_next_attempt_succeeds(self, patient, error):
        call = Call(error)

        assert patient.make(call) == "answer"
        assert call.times == 2

    def test_that_does_not_pass_is_told_as_busy_after_four_attempts(self, patient, error):
        call = Call(*[error] * 4)

        with pytest.raises(Busy):
            patient.make(call)

        assert call.times == 4

    def test_may_turn_out_to_be_a_refusal(self, patient, error):
        with pytest.raises(Refused):
            patient.make(Call(error, refusal("ConditionalCheckFailedException")))


@pytest.mark.parametrize(
    ("error", "is_throttled"),
    [
        (refusal("ThrottlingException"), True),
        (refusal(CANCELED, "ThrottlingError", "ProvisionedThroughputExceeded", CONFLICT), True),
        (refusal(CANCELED, CONFLICT, HELD), False),
        (refusal("InternalServerError"), False),
        (EndpointConnectionError(endpoint_url="http://aws.test"), False),
    ],
    ids=lambda value: told(value) if isinstance(value, Exception) else "",
)
def test_a_trouble_for_lack_of_capacity_is_told_from_the_others(patient, error, is_throttled):
    with pytest.raises(Busy) as raised:
        patient.make(Call(*[error] * 4))

    assert isinstance(raised.value, Throttled) == is_throttled


def test_one_lost_answer_among_throttles_is_no_lack_of_capacity_since_that_call_may_have_taken_place(patient):
    throttle = refusal("ThrottlingException")

    with pytest.raises(Busy) as raised:
        patient.make(Call(SILENCES[0], throttle, throttle, throttle))

    assert not isinstance(raised.value, Throttled)


@pytest.mark.parametrize("error", FINAL, ids=told)
def test_a_defect_is_raised_as_it_is_and_never_repeated(patient, error):
    call = Call(error)

    with pytest.raises(type(error)) as raised:
        patient.make(call)

    assert raised.value is error
    assert call.times == 1


def test_pauses_grow_from_attempt_to_attempt_and_chance_shortens_them():
    pauses: list[float] = []
    chances = iter([1.0, 0.5, 0.0])

    Calls(NOWHERE, pauses.append, chances.__next__).make(Call(*[SILENCES[0]] * 3))

    assert pauses == [0.1, 0.1, 0.0]


# -- as PynamoDB tells them


def write(store: RunStore, error: Exception) -> tuple[str, Callable[[], object]]:
    """Answer a write that can meet this error, and the call of AWS that it makes."""
    row = JournalRow("acme#run", 1, entries=b"", writer="w")

    def transact() -> None:
        with TransactWrite(connection=store.calls.connection) as transaction:
            transaction.save(row)

    is_of_transactions = CANCELED in str(error) or "Transaction" in str(error)
    return ("dynamodb.TransactWriteItems", transact) if is_of_transactions else ("dynamodb.PutItem", row.save)


class TestThroughPynamoDB:
    @pytest.mark.parametrize(("error", "reasons"), REFUSED, ids=[told(error) for error, _ in REFUSED])
    def test_a_refusal_keeps_its_reasons(self, store, faults, error, reasons):
        name, call = write(store, error)
        faults.refuse(name, [error])

        with pytest.raises(Refused) as refused:
            store.calls.make(call)

        assert refused.value.reasons == reasons

    @pytest.mark.parametrize("error", PASSING, ids=told)
    def test_a_passing_trouble_is_repeated_until_the_write_stands(self, world, store, faults, error):
        name, call = write(store, error)
        faults.refuse(name, [error] * 3)

        store.calls.make(call)

        assert len(world.rows("journal")) == 1

    @pytest.mark.parametrize("error", AWS_S_FINAL, ids=told)
    def test_a_defect_is_told_in_pynamodb_s_own_error(self, store, faults, error):
        name, call = write(store, error)
        faults.refuse(name, [error])

        with pytest.raises(PynamoDBException) as raised:
            store.calls.make(call)

        assert raised.value.cause_response_code == error.response["Error"]["Code"]


class TestAKeyThatNoRowCanHave:
    @pytest.mark.parametrize("key", ["x" * 2049, "\u00e4" * 1025])
    def test_is_not_asked_for(self, world, store, calls, key):
        calls.made.clear()

        assert store.calls.find(RunRow, key) is None
        assert store.calls.find_all(RunRow, [key]) == []
        assert store.calls.find_all(JournalRow, [("a", "x" * 1025)]) == []
        assert calls.made == []

    def test_does_not_hide_the_others(self, world, store):
        assert store.calls.find(RunRow, "x" * 2048) is None
        assert store.calls.find_all(RunRow, ["x" * 2048, "x" * 2049]) == []
