"""The headers `Upstash-*`: each one's grammar, what it comes to in a new run, and what is inherited without it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.core.overrides import FailureCallback, FlowLimits
from chalicelib.core.retry_delays import MAX_RETRIES, RetryDelayInvalid
from chalicelib.dialects.upstash.errors import HeaderInvalid, QuotaExceeded
from chalicelib.dialects.upstash.wishes import (
    MAX_KEY,
    MAX_LABEL,
    MAX_LABELS,
    MAX_LIMIT,
    MAX_URL,
    WEEK_S,
    WISHES,
    YEAR_S,
    Wishes,
    read_limits,
    read_wishes,
)
from tests.dialects.client import Api
from tests.dialects.upstash import stories
from tests.dialects.upstash.stories import RESTART, RESUME, failed, ids, letters, publish, refused, restart, restarted
from tests.world import MINUTE, World

HINT = "Upstash-Flow-Control-Value should be either rate=X or parallelism=Y, or both as comma-separated values"
NEWS = "https://app.test/news"
INHERITED = (
    *("label", "labels", "header", "maxRetries", "retryDelayExpression", "failureCallback"),
    *("flowControlKey", "parallelism", "rate", "period", "url", "body"),
)
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

LIMITS = st.integers(1, MAX_LIMIT)
PARTS = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(sorted(UNITS))), min_size=1, max_size=5)
BLANKS = st.sampled_from(["", " ", "  ", "\t"])


def duration(parts: list[tuple[int, str]]) -> tuple[str, int]:
    """Write a duration, and say how many seconds it has."""
    return "".join(f"{number}{unit}" for number, unit in parts), sum(number * UNITS[unit] for number, unit in parts)


PERIODS = st.one_of(
    st.integers(1, WEEK_S).map(lambda seconds: (str(seconds), seconds)),
    PARTS.map(duration).filter(lambda period: 1 <= period[1] <= WEEK_S),
)


@st.composite
def written(draw: st.DrawFn, fields: Mapping[str, str]) -> str:
    """Write fields in any order, with blanks wherever they may stand."""
    names = draw(st.permutations(sorted(fields)))
    return ",".join(
        "".join((draw(BLANKS), name, draw(BLANKS), "=", draw(BLANKS), fields[name], draw(BLANKS))) for name in names
    )


class TestLimits:
    @given(data=st.data(), parallelism=st.none() | LIMITS, rate=st.none() | LIMITS, period=st.none() | PERIODS)
    def test_are_read_in_any_order_and_spacing(self, data: st.DataObject, parallelism: Any, rate: Any, period: Any):
        given_ = {"parallelism": parallelism, "rate": rate, "period": period and period[0]}
        text = data.draw(written({name: str(value) for name, value in given_.items() if value is not None}))

        if parallelism is None and rate is None:
            with pytest.raises(HeaderInvalid, match=HINT):
                read_limits(text)
        else:
            assert read_limits(text) == FlowLimits(parallelism, rate, period[1] if period else 1)

    @pytest.mark.parametrize(
        ("text", "limits"),
        [
            ("parallelism=3, rate=10, period=1m", FlowLimits(3, 10, 60)),
            ("parallelism=1", FlowLimits(1, None, 1)),
            ("rate=10000,period=7d", FlowLimits(None, MAX_LIMIT, WEEK_S)),
            ("rate=5,period=60s", FlowLimits(None, 5, 60)),
            ("rate=5,period=60", FlowLimits(None, 5, 60)),
            ("period=1d,rate=5", FlowLimits(None, 5, 86_400)),
        ],
    )
    def test_are_read_as_the_sdk_writes_them(self, text: str, limits: FlowLimits):
        assert read_limits(text) == limits

    @given(
        name=st.sampled_from(["parallelism", "rate"]),
        value=st.one_of(
            st.integers(max_value=0),
            st.integers(MAX_LIMIT + 1),
            st.floats(),
            st.text("0123456789abcdefsmhd.+-_ ²٣", max_size=6).filter(lambda text: not _is_limit(text)),
        ),
    )
    def test_beyond_their_bounds_are_refused_with_the_vendors_words(self, name: str, value: object):
        with pytest.raises(HeaderInvalid, match=HINT):
            read_limits(f"{name}={value}")

    @given(seconds=st.just(0) | st.integers(WEEK_S + 1), unit=st.sampled_from(["", "s"]))
    def test_of_a_period_beyond_its_bounds_are_refused(self, seconds: int, unit: str):
        with pytest.raises(HeaderInvalid, match=HINT):
            read_limits(f"rate=1,period={seconds}{unit}")

    @given(
        text=st.text(max_size=30)
        | st.lists(
            st.sampled_from(["rate", "parallelism", "period", "=", ",", " ", "1", "0", "60", "m", "s", "w", "-", ";"]),
            max_size=12,
        ).map("".join)
    )
    def test_of_any_text_are_within_their_bounds_or_refused(self, text: str):
        limits = _limits_or_refusal(text)
        if isinstance(limits, str):
            assert limits.startswith(HINT)
            return
        numbers = [number for number in (limits.parallelism, limits.rate) if number is not None]
        assert numbers
        assert all(1 <= number <= MAX_LIMIT for number in numbers)
        assert 1 <= limits.period_s <= WEEK_S
        names = [part.partition("=")[0].strip() for part in text.split(",")]
        assert sorted(set(names)) == sorted(names)
        assert set(names) <= {"parallelism", "rate", "period"}


def _limits_or_refusal(text: str) -> FlowLimits | str:
    try:
        return read_limits(text)
    except HeaderInvalid as error:
        return str(error)


def _is_limit(text: str) -> bool:
    return text.strip(" ").isascii() and text.strip(" ").isdecimal() and 1 <= int(text) <= MAX_LIMIT


def read(name: str, value: str) -> Wishes:
    return read_wishes({name: value})


class TestWishes:
    def test_are_none_without_a_header_of_theirs(self):
        assert read_wishes({}) == read_wishes({"upstash-not-before": "x", "authorization": "7"}) == Wishes()

    @given(retries=st.integers(0, MAX_RETRIES), before=BLANKS, after=BLANKS)
    def test_of_retries_are_whole_numbers_of_which_none_is_one(self, retries: int, before: str, after: str):
        assert read("upstash-retries", f"{before}{retries}{after}") == Wishes(retries=retries)

    @given(retries=st.integers(MAX_RETRIES + 1, 999_999_999))
    def test_of_more_retries_than_there_are_exceed_a_quota(self, retries: int):
        with pytest.raises(QuotaExceeded):
            read("upstash-retries", str(retries))

    @given(parts=PARTS)
    def test_of_a_delay_are_the_sum_of_its_parts_up_to_a_year(self, parts: list[tuple[int, str]]):
        text, seconds = duration(parts)

        if seconds > YEAR_S:
            with pytest.raises(QuotaExceeded):
                read("upstash-delay", text)
        else:
            assert read("upstash-delay", f" {text} ") == Wishes(delay_s=seconds)

    @given(delay=st.sampled_from(["0", "1000", "1e3", "pow(2, retried) * 1000", "min(1000 * (1 + retried), 9e4)"]))
    def test_of_a_retry_delay_are_kept_as_they_are_written(self, delay: str):
        assert read("upstash-retry-delay", delay) == Wishes(retry_delay=delay)

    @given(key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=MAX_KEY))
    def test_of_a_flow_control_key_are_any_text(self, key: str):
        assert read("upstash-flow-control-key", f" {key} ") == Wishes(flow_key=key)

    @given(labels=st.lists(st.text("abz 09-", max_size=9), max_size=MAX_LABELS))
    def test_of_labels_are_what_stands_between_commas_each_once(self, labels: list[str]):
        wished = read("upstash-label", ",".join(labels)).labels

        assert wished is not None
        assert set(wished) == {label.strip() for label in labels} - {""}
        assert len(wished) == len(set(wished))

    @given(url=st.sampled_from(["http://a", "https://app.test/x?y=1#z", "https://[2001:db8::1]:8443/"]))
    def test_of_a_failure_callback_are_a_url(self, url: str):
        assert read("upstash-failure-callback", url).callback == FailureCallback(url)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("upstash-flow-control-key", "k" * (MAX_KEY + 1)),
            ("upstash-label", "x" * (MAX_LABEL + 1)),
            ("upstash-label", ",".join(map(str, range(MAX_LABELS + 1)))),
            ("upstash-failure-callback", "https://app.test/".ljust(MAX_URL + 1, "x")),
        ],
    )
    def test_beyond_their_bounds_are_refused(self, name: str, value: str):
        with pytest.raises(HeaderInvalid):
            read(name, value)

    @given(
        name=st.sampled_from(["upstash-retries", "upstash-delay"]),
        value=st.text(st.characters(exclude_characters="0123456789"), max_size=8),
    )
    def test_of_numbers_are_refused_for_texts_without_digits(self, name: str, value: str):
        with pytest.raises(HeaderInvalid):
            read(name, value)

    @example(headers={"upstash-retries": "0\x1f"})
    @given(headers=st.dictionaries(st.sampled_from(sorted(WISHES)), st.text(max_size=40)))
    def test_of_any_text_are_read_or_refused(self, headers: dict[str, str]):
        with suppress(HeaderInvalid, QuotaExceeded, RetryDelayInvalid):
            read_wishes(headers)


# -- over the wire


@pytest.fixture(autouse=True)
def _well_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").outside.answers.clear()


@pytest.fixture(scope="module")
def stage(world: World) -> tuple[Api, str]:
    """Answer an account with one letter, which nobody may take up."""
    api = stories.account(world, "wishing")
    publish(api)
    [letter] = failed(world, api)
    return api, letter


REFUSED: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("upstash_retries", 400): ("", "-1", "1.5", "many", "0x1", "1 2"),
    ("upstash_retries", 412): ("20", "1000000"),
    ("upstash_delay", 400): ("", "10", "10 s", "1w", "-1s", "1.5h", "s", "1d 10h", "PT1H"),
    ("upstash_delay", 412): ("367d",),
    ("upstash_retry_delay", 400): (
        *("", "2**3", "retries", "1 +", "10 if retried else 1", "1/retried", "exp(1000)", "pow(9, 9999)", "1e999"),
        *("__import__('os')", "retried.real", "[1][0]", "'a'*9", "lambda: 1", "(" * 250 + "1" + ")" * 250),
    ),
    ("upstash_flow_control_key", 400): ("", " ", "k" * 256),
    ("upstash_flow_control_value", 400): (
        *("", "period=1m", "rate=0", "rate=x", "rate=1 parallelism=2", "rate=1,", "burst=7", "rate=1,rate=2"),
        *("parallelism=-1", "parallelism=1.5", "rate=1,period=0", "rate=1,period=8d", "rate=1,period=1w", "RATE=1"),
    ),
    ("upstash_label", 400): ("x" * 129, ",".join(map(str, range(51)))),
    ("upstash_failure_callback", 400): (
        *("", "app.test/failed", "/failed", "ftp://app.test/", "https://", "https://me@app.test/", "https://a b/"),
        *("http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://169.254.169.254/", "http://10.0.0.7/"),
    ),
    ("upstash_not_before", 400): ("1790000000",),
}


class TestOverTheWire:
    @pytest.mark.parametrize(
        ("name", "value", "status"),
        [(name, value, status) for (name, status), values in REFUSED.items() for value in values],
    )
    def test_what_cannot_be_meant_is_refused_of_ids_and_of_filters_and_writes_nothing(
        self, world: World, stage: tuple[Api, str], name: str, value: str, status: int
    ) -> None:
        api, letter = stage
        for path in (f"{RESTART}?dlqIds={letter}", f"{RESTART}?count=1", f"{RESUME}/{letter}"):
            reply = refused(world, _asking(api, path, {name: value}))
            assert reply.status == status
            assert name != "upstash_flow_control_value" or reply.json["error"].startswith(HINT)

    @pytest.mark.parametrize("name", ["upstash_flow_control_key", "upstash_flow_control_value"])
    def test_half_a_flow_control_is_refused_where_the_run_has_no_other_half(
        self, world: World, stage: tuple[Api, str], name: str
    ) -> None:
        api, letter = stage
        reply = refused(world, _asking(api, f"{RESTART}?dlqIds={letter}", {name: "rate=5"}))

        assert (reply.status, reply.json["code"]) == (400, "flow_control_incomplete")

    def test_what_one_of_many_cannot_have_leaves_that_letter_and_says_so(self, world: World, api: Api) -> None:
        publish(api)
        [with_flow] = failed(world, api, upstash_flow_control_key="k", upstash_flow_control_value="rate=5")
        [without] = failed(world, api)

        reply = restart(api, upstash_flow_control_key="n")

        assert restarted(reply) == [with_flow]
        assert [(one["dlqId"], one["code"]) for one in reply.json["refused"]] == [(without, "flow_control_incomplete")]
        assert ids(api) == [without]

    @pytest.mark.parametrize(
        ("headers", "moments"),
        [
            ({"upstash_retries": "0"}, [0]),
            ({"upstash_retries": "2", "upstash_retry_delay": "10000 * (1 + retried)"}, [0, 10_000, 30_000]),
            ({"upstash_retry_delay": "max(5000, pow(retried, 2))"}, [0, 5_000]),
            ({}, [0, 20_000]),
        ],
    )
    def test_retries_and_their_delay_are_heeded(
        self, world: World, api: Api, headers: dict[str, str], moments: list[int]
    ) -> None:
        publish(api)
        [letter] = failed(world, api, upstash_retries="1", upstash_retry_delay="20000")

        run = api.post(f"{RESTART}/{letter}", **headers).json["workflowRunId"]

        assert stories.asked_at(world, run) == moments

    def test_a_delay_is_heeded_while_the_run_is_there_at_once(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api)
        [made] = restart(api, upstash_delay="1d10h30m").json["workflowRuns"]
        run, created = made["workflowRunId"], world.clock.ms

        world.clock.advance(124_200_000 - 3 * MINUTE)
        stories.later(world)
        assert stories.asked(world, run) == {}
        assert (made["workflowCreatedAt"], stories.state(api, run)) == (created, "RUN_STARTED")

        stories.later(world)
        assert stories.asked(world, run) == {"work": 1}

    @pytest.mark.parametrize(
        ("headers", "told"),
        [
            ({}, {}),
            ({"upstash_retries": "0"}, {"maxRetries": 0}),
            ({"upstash_retries": "19"}, {"maxRetries": 19}),
            ({"upstash_retry_delay": "pow(2, retried)"}, {"retryDelayExpression": "pow(2, retried)"}),
            ({"upstash_flow_control_key": "new key"}, {"flowControlKey": "new key"}),
            ({"upstash_flow_control_value": "period = 1m,rate=3"}, {"parallelism": None, "rate": 3, "period": 60}),
            (
                {"upstash_flow_control_key": "n", "upstash_flow_control_value": "rate=7, period=60s, parallelism=2"},
                {"flowControlKey": "n", "parallelism": 2, "rate": 7, "period": 60},
            ),
            (
                {"upstash_label": "new"},
                {"label": "new", "labels": ["new"], "header": {"tenant": ["7"], "Upstash-Label": ["new"]}},
            ),
            ({"upstash_failure_callback": NEWS}, {"failureCallback": NEWS}),
        ],
    )
    @pytest.mark.parametrize("path", [f"{RESTART}?count=1", f"{RESUME}/{{}}"])
    def test_each_replaces_what_the_run_had_and_leaves_the_rest(
        self, world: World, api: Api, headers: dict[str, str], told: dict[str, Any], path: str
    ) -> None:
        publish(api)
        flow = {"upstash_flow_control_key": "k", "upstash_flow_control_value": "parallelism=9,rate=5,period=1d"}
        told_to = {"upstash_failure_callback": stories.TOLD, "upstash_forward_tenant": "7", "upstash_label": "x,y"}
        retries = {"upstash_retries": "2", "upstash_retry_delay": "1000"}
        [letter] = failed(world, api, headers={**flow, **told_to, **retries})
        [before] = letters(api)

        assert api.post(path.format(letter), **headers).status == 200
        [after] = stories.fail_again(world, api)

        expected = {name: told.get(name, before.get(name)) for name in INHERITED}
        assert {name: after.get(name) for name in INHERITED} == expected
        assert after["restartedFrom"] == before["workflowRunId"]

    def test_whom_to_tell_is_heeded(self, world: World, api: Api) -> None:
        publish(api)
        failed(world, api, upstash_failure_callback=stories.TOLD)
        [run] = restart(api, upstash_failure_callback=NEWS).json["workflowRuns"]
        called = stories.calls_of(world, "news")
        world.outside.answers["work"] = stories.breaks()

        stories.later(world)

        assert [call.url for call in called] == [NEWS]
        assert called[0].headers["Upstash-Workflow-RunId"] == run["workflowRunId"]


def _asking(api: Api, path: str, headers: Mapping[str, str]) -> Callable[[], Any]:
    return lambda: api.post(path, **headers)
