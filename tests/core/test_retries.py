import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.definitions import RetryPolicy
from chalicelib.core.effects import Failed
from chalicelib.core.overrides import Overrides
from chalicelib.core.retries import next_try
from chalicelib.core.runs import Tries

AT = 1_000_000
POLICY = RetryPolicy(attempts=4, delay_s=2.0, factor=3.0, max_delay_s=10.0)
AS_DEFINED = Overrides()


def unwell(retry_after_s: float | None = None) -> Failed:
    return Failed("http_503", "unwell", is_retryable=True, retry_after_s=retry_after_s)


def tried(count: int) -> Tries | None:
    return Tries(count, not_before=0) if count else None


WAITS: list[tuple[Overrides, int, float | None, float]] = [
    # as the policy says: delay, delay x factor, ... up to the most
    (AS_DEFINED, 0, None, 2.0),
    (AS_DEFINED, 1, None, 6.0),
    (AS_DEFINED, 2, None, 10.0),
    # the other side's wish counts when it is longer
    (AS_DEFINED, 0, 1.0, 2.0),
    (AS_DEFINED, 0, 7.5, 7.5),
    (AS_DEFINED, 2, 3600.0, 3600.0),
    (AS_DEFINED, 0, 0.0, 2.0),
    # as the run says
    (Overrides(retry_delay_s=0.5), 0, None, 0.5),
    (Overrides(retry_delay_s=0.5), 1, None, 1.5),
    (Overrides(retry_delay_s=0), 1, None, 0.0),
    (Overrides(retry_delay_s=5.0), 1, None, 10.0),
    (Overrides(retry_delay_s=60.0), 0, None, 60.0),
    (Overrides(retry_delay_s=60.0), 1, 90.0, 90.0),
    (Overrides(retries=7), 6, None, 10.0),
    (Overrides(retries=1, retry_delay_s=1.0), 0, 4.0, 4.0),
]


@pytest.mark.parametrize(("overrides", "before", "wish_s", "wait_s"), WAITS)
def test_after_a_failure_the_next_try_waits(overrides: Overrides, before: int, wish_s: float | None, wait_s: float):
    tries = next_try(POLICY, overrides, tried(before), unwell(wish_s), AT)

    assert tries == Tries(before + 1, AT + round(wait_s * 1000))


@pytest.mark.parametrize(
    ("overrides", "before", "failed"),
    [
        (AS_DEFINED, 3, unwell()),
        (AS_DEFINED, 3, unwell(retry_after_s=60)),
        (AS_DEFINED, 99, unwell()),
        (AS_DEFINED, 0, Failed("http_400", "wrong", is_retryable=False)),
        (Overrides(retries=0), 0, unwell()),
        (Overrides(retries=1), 1, unwell()),
        (Overrides(retries=5), 5, unwell()),
    ],
)
def test_there_is_no_next_try_after_the_last_or_when_it_would_be_in_vain(
    overrides: Overrides, before: int, failed: Failed
):
    assert next_try(POLICY, overrides, tried(before), failed, AT) is None


@pytest.mark.parametrize("factor", [1, 1.01, 2.0, 10, 10.0])
def test_however_many_tries_the_wait_is_never_longer_than_the_most(factor: float):
    policy = RetryPolicy(delay_s=1.0, factor=factor, max_delay_s=60.0)

    tries = next_try(policy, Overrides(retries=10_000), tried(5_000), unwell(), AT)

    assert tries is not None
    assert AT + 1_000 <= tries.not_before <= AT + 60_000


@given(st.integers(1, 20))
def test_an_action_that_always_fails_is_tried_as_often_as_the_policy_says(attempts: int):
    tries, done = None, 1
    while tries := next_try(RetryPolicy(attempts), AS_DEFINED, tries, unwell(), AT):
        done += 1

    assert done == attempts
