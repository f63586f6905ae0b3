import gzip
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.actions.http import MAX_RETRY_AFTER_S, HttpCaller, read_retry_after
from chalicelib.actions.payloads import MAX_ANSWER_BYTES
from chalicelib.core.effects import Failed, Outcome, Succeeded
from chalicelib.core.json_values import Json
from tests.actions.conftest import LAPTOP, NOW, Names, StepServer, http_call


def failure(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


def body_of(outcome: Outcome) -> Json:
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.result, dict)
    return outcome.result["body"]


class TestTheRequest:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    def test_has_the_method_path_and_query_of_the_call(self, method: str, laptop: HttpCaller, step: StepServer) -> None:
        outcome = laptop.call(http_call(f"{step.url}/orders/7?force=1#top", method=method))

        assert isinstance(outcome, Succeeded)
        assert [(seen.method, seen.resource) for seen in step.seen] == [(method, "/orders/7?force=1")]

    @pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "", "GET / HTTP/1.1\r\nX:", "GÉT"])
    def test_has_no_other_method(self, method: str, laptop: HttpCaller, connects: list[object]) -> None:
        refusal = failure(laptop.call(http_call("http://127.0.0.1/", method=method)))

        assert (refusal.code, refusal.is_retryable, connects) == ("method_refused", False, [])

    def test_carries_who_we_are_and_the_key_of_the_effect(self, laptop: HttpCaller, step: StepServer) -> None:
        laptop.call(http_call(step.url, headers={"idempotency-key": "mine", "Authorization": "Bearer t"}))

        headers = step.seen[0].headers
        assert headers["idempotency-key"] == "run-1/ship/3"
        assert headers["user-agent"] == "reprise"
        assert headers["authorization"] == "Bearer t"
        assert headers["host"] == step.url.removeprefix("http://")

    def test_names_the_request_that_it_began_with(self, laptop: HttpCaller, step: StepServer) -> None:
        laptop.call(http_call(step.url, request_id="request-1"))
        laptop.call(http_call(step.url, request_id="request-1", headers={"x-request-id": "mine"}))
        laptop.call(http_call(step.url))

        assert [seen.headers.get("x-request-id") for seen in step.seen] == ["request-1", "mine", None]

    def test_may_call_itself_something_else(self, laptop: HttpCaller, step: StepServer) -> None:
        laptop.call(http_call(step.url, headers={"user-agent": "shop/2"}))

        assert step.seen[0].headers["user-agent"] == "shop/2"

    def test_writes_a_key_of_any_alphabet_as_ascii(self, laptop: HttpCaller, step: StepServer) -> None:
        laptop.call(http_call(step.url, idempotency_key="run-1/发货\n/3"))

        assert step.seen[0].headers["idempotency-key"] == "run-1/%E5%8F%91%E8%B4%A7%0A/3"

    @pytest.mark.parametrize(
        ("body", "headers", "sent", "content_type"),
        [
            ({"b": [1, "ü"], "a": None}, {}, '{"a":null,"b":[1,"ü"]}', "application/json"),
            ("text", {}, '"text"', "application/json"),
            (0, {}, "0", "application/json"),
            ({"a": 1}, {"content-type": "application/vnd.shop+json"}, '{"a":1}', "application/vnd.shop+json"),
            ("a=1&b=ü", {"Content-Type": "text/plain"}, "a=1&b=ü", "text/plain"),
            ({"a": 1}, {"Content-Type": "text/plain"}, '{"a":1}', "text/plain"),
        ],
    )
    def test_has_a_body_of_its_content_type(
        self, body: Json, headers: dict[str, str], sent: str, *, content_type: str, laptop: HttpCaller, step: StepServer
    ) -> None:
        laptop.call(http_call(step.url, body=body, headers=headers))

        assert (step.seen[0].body.decode(), step.seen[0].headers["content-type"]) == (sent, content_type)

    def test_has_no_body_for_none(self, laptop: HttpCaller, step: StepServer) -> None:
        laptop.call(http_call(step.url, body=None))

        assert (step.seen[0].body, "content-type" in step.seen[0].headers) == (b"", False)

    @pytest.mark.parametrize("body", [float("inf"), {"a": [float("nan")]}, "\ud800"])
    @pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
    def test_is_not_sent_with_a_body_nobody_can_read(
        self, body: Json, headers: dict[str, str], laptop: HttpCaller, connects: list[object]
    ) -> None:
        refusal = failure(laptop.call(http_call("http://127.0.0.1/", body=body, headers=headers)))

        assert (refusal.code, refusal.is_retryable, connects) == ("payload_refused", False, [])

    def test_is_not_sent_with_a_refused_header(self, laptop: HttpCaller, connects: list[object]) -> None:
        refusal = failure(laptop.call(http_call("http://127.0.0.1/", headers={"Host": "evil.example"})))

        assert (refusal.code, refusal.is_retryable, connects) == ("header_refused", False, [])

    def test_goes_to_the_checked_address_under_the_name_it_was_asked_by(
        self, step: StepServer, connects: list[object]
    ) -> None:
        names = Names({"steps.example": ["127.0.0.1"]})
        caller = HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW, resolve=names)

        caller.call(http_call(f"http://steps.example:{step.server_port}/"))

        assert step.seen[0].headers["host"] == f"steps.example:{step.server_port}"
        assert (names.asked, connects) == (["steps.example"], [("127.0.0.1", step.server_port)])

    def test_tries_the_next_address_when_one_is_dead(self, step: StepServer) -> None:
        names = Names({"steps.example": ["127.0.0.2", "::1", "127.0.0.1"]})
        caller = HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW, resolve=names)

        assert isinstance(caller.call(http_call(f"http://steps.example:{step.server_port}/")), Succeeded)


class TestASuccess:
    def test_is_status_some_headers_and_body(self, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(201, b'{"id":7}', Content_Type="application/json", Location="/7", X_Request_Id="r", Set_Cookie="s")

        assert laptop.call(http_call(step.url)) == Succeeded(
            {
                "status": 201,
                "headers": {"content-type": "application/json", "location": "/7", "x-request-id": "r"},
                "body": {"id": 7},
            }
        )

    @pytest.mark.parametrize(
        ("content_type", "data", "body"),
        [
            ("application/json", b'{"a":[1,2.5,null,true]}', {"a": [1, 2.5, None, True]}),
            ("Application/JSON; charset=utf-8", b"[]", []),
            ("application/problem+json", b'{"a":1}', {"a": 1}),
            ("text/plain", b'{"a":1}', '{"a":1}'),
            ("text/plain", "grüße".encode(), "grüße"),
            ("text/plain", b"\xff\xfe", "\ufffd\ufffd"),
            ("application/json", b"", ""),
            ("application/json", b"{broken", "{broken"),
            ("application/json", b"NaN", "NaN"),
            ("application/json", b"[-Infinity]", "[-Infinity]"),
            ("application/json", b"1e400", "1e400"),
            ("application/json", b'"\\ud800"', '"\\ud800"'),
            ("application/json", '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-16").decode(errors="replace")),
            ("application/json", b"[" * 66 + b"]" * 66, "[" * 66 + "]" * 66),
            ("application/json", b"[" * 100_000, "[" * 100_000),
            ("application/json", b"1" * 5000, "1" * 5000),
        ],
        ids=lambda value: ascii(value)[:40],
    )
    def test_has_a_body_of_its_content_type_or_else_text(
        self, content_type: str, data: bytes, body: Json, laptop: HttpCaller, step: StepServer
    ) -> None:
        step.answers(200, data, Content_Type=content_type)

        assert body_of(laptop.call(http_call(step.url))) == body

    def test_may_come_compressed(self, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(200, gzip.compress(b'{"a":1}'), Content_Type="application/json", Content_Encoding="gzip")

        assert body_of(laptop.call(http_call(step.url))) == {"a": 1}

    @pytest.mark.parametrize("status", [200, 204, 299])
    def test_is_every_2xx(self, status: int, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(status)

        assert isinstance(laptop.call(http_call(step.url)), Succeeded)

    def test_is_at_most_256_kb(self, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(200, b"a" * (MAX_ANSWER_BYTES - 100))
        assert isinstance(laptop.call(http_call(step.url)), Succeeded)

        step.answers(200, b"a" * (MAX_ANSWER_BYTES + 1))
        refusal = failure(laptop.call(http_call(step.url)))
        assert (refusal.code, refusal.is_retryable) == ("answer_too_large", False)

    def test_is_at_most_256_kb_as_we_would_write_it(self, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(200, b"\x00" * (MAX_ANSWER_BYTES // 4))

        assert failure(laptop.call(http_call(step.url))).code == "answer_too_large"


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "is_retryable"),
        [
            *((status, False) for status in (300, 301, 302, 303, 304, 307, 308)),
            *((status, False) for status in (400, 401, 403, 404, 409, 410, 422, 499)),
            *((status, True) for status in (408, 425, 429, 500, 501, 502, 503, 504, 599)),
        ],
    )
    def test_is_every_other_status_and_some_pass(
        self, status: int, is_retryable: bool, laptop: HttpCaller, step: StepServer
    ) -> None:
        step.answers(status, Location="http://127.0.0.1:1/elsewhere", Retry_After="7")

        outcome = failure(laptop.call(http_call(step.url)))

        assert (outcome.code, outcome.is_retryable) == (f"http_{status}", is_retryable)
        assert outcome.retry_after_s == (7.0 if is_retryable else None)
        assert len(step.seen) == 1

    def test_says_method_host_status_and_the_begin_of_the_body(self, laptop: HttpCaller, step: StepServer) -> None:
        step.answers(404, b"no such order" + b"!" * 1_000_000)

        message = failure(laptop.call(http_call(f"{step.url}/orders?token=secret", method="GET"))).message

        assert message.startswith("GET 127.0.0.1 answered 404: no such order!")
        assert len(message) < 550
        assert "secret" not in message

    def test_is_a_name_that_does_not_resolve(self) -> None:
        def nobody(host: str) -> list[str]:
            raise OSError(f"unknown: {host}")

        caller = HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW, resolve=nobody)

        outcome = failure(caller.call(http_call("http://steps.example/")))

        assert (outcome.code, outcome.is_retryable) == ("connection", True)

    def test_is_a_name_that_took_all_the_time(self, connects: list[object]) -> None:
        clock = [100.0]

        def dawdles(_host: str) -> list[str]:
            clock[0] += 10.0
            return ["127.0.0.1"]

        caller = HttpCaller(LAPTOP, monotonic=lambda: clock[0], now=lambda: NOW, resolve=dawdles)

        outcome = failure(caller.call(http_call("http://steps.example/", timeout_s=10.0)))

        assert (outcome.code, outcome.is_retryable, connects) == ("timeout", True, [])

    @pytest.mark.parametrize("answer", [[], ["127.0.0.2"]])
    def test_is_a_name_where_nobody_listens(self, answer: list[str], step: StepServer) -> None:
        caller = HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW, resolve=Names({"a": answer}))

        outcome = failure(caller.call(http_call(f"http://a:{step.server_port}/")))

        assert (outcome.code, outcome.is_retryable) == ("connection", True)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            (None, None),
            ("0", 0.0),
            ("120", 120.0),
            ("86401", MAX_RETRY_AFTER_S),
            ("9" * 5000, MAX_RETRY_AFTER_S),
            ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
            ("Tue, 14 Nov 2023 22:15:20 -0000", 120.0),
            ("Tue, 14 Nov 2023 23:15:20 +0100", 120.0),
            ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER_S),
            ("Sat, 14 Nov 99999999999999999999 22:00:00 GMT", None),
            ("soon", None),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("１２", None),  # noqa: RUF001  full-width digits are the point
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_is_seconds_from_now(self, text: str | None, seconds: float | None) -> None:
        assert read_retry_after(text, NOW) == seconds

    @given(
        st.text()
        | st.lists(
            st.sampled_from(["Tue,", "14", "Nov", "2023", "22:15:20", "GMT", "-9999999999", "0", "9" * 30, ":", ","])
            | st.text()
        ).map(" ".join)
    )
    def test_of_any_text_is_no_wish_or_a_day_at_most(self, text: str) -> None:
        seconds = read_retry_after(text, NOW)

        assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S
