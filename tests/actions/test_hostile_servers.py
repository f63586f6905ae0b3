import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.actions.http import HttpCaller
from chalicelib.actions.payloads import MAX_ANSWER_BYTES
from chalicelib.core.effects import Failed, Succeeded
from chalicelib.core.json_values import canonical_json
from tests.actions.conftest import Script, http_call, raw_server

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = 400  # four seconds of them: a caller that waited for all would meet a good answer, and fail the test


def says(*parts: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return script


def keeps_saying(head: bytes, part: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(part)

    return script


def drips(head: bytes, tail: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        pause = threading.Event()
        connection.sendall(head)
        for _ in range(DRIPS):
            connection.sendall(b"a")
            pause.wait(0.01)
        connection.sendall(tail)

    return script


def waits(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def says_then_waits(part: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(part)
        waits(connection)

    return script


def resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def failure(caller: HttpCaller, script: Script, *, timeout_s: float = 5.0) -> Failed:
    with raw_server(script) as url:
        outcome = caller.call(http_call(url, timeout_s=timeout_s))
    assert isinstance(outcome, Failed)
    return outcome


class TestAServerThatTakesItsTime:
    @pytest.mark.parametrize(
        "script",
        [
            waits,
            says_then_waits(b"HTTP/1.1 20"),
            says_then_waits(HEAD + b"Content-Length: 9\r\n\r\nabc"),
            says_then_waits(HEAD + b"\r\nabc"),
            says_then_waits(CHUNKED + b"3\r\nabc\r\n"),
            says_then_waits(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc"),
            drips(b"HTTP/1.1 200 ", b"\r\nContent-Length: 0\r\n\r\n"),
            drips(HEAD + b"X-Slow: ", b"\r\nContent-Length: 0\r\n\r\n"),
            drips(HEAD + b"Content-Length: 400\r\n\r\n", b""),
            drips(CHUNKED + b"190\r\n", b"\r\n0\r\n\r\n"),
            drips(CHUNKED + b"1;", b"\r\nb\r\n0\r\n\r\n"),
            drips(CHUNKED + b"1\r\nb\r\n0\r\nX-Trailer: ", b"\r\n\r\n"),
        ],
        ids=[
            "silence",
            "half a status",
            "half a body",
            "no end",
            "half the chunks",
            "half a failure",
            "drip: status",
            "drip: header",
            "drip: body",
            "drip: chunk",
            "drip: chunk extension",
            "drip: trailer",
        ],
    )
    def test_is_left_at_the_deadline(self, script: Script, laptop: HttpCaller) -> None:
        outcome = failure(laptop, script, timeout_s=0.15)

        assert (outcome.code, outcome.is_retryable) == ("timeout", True)

    def test_is_left_at_the_deadline_when_it_does_not_read(self, laptop: HttpCaller) -> None:
        is_over = threading.Event()

        def turns_away(_connection: socket.socket) -> None:
            is_over.wait(5)

        with raw_server(turns_away, hears_requests=False) as url:
            outcome = laptop.call(http_call(url, body="x" * 16_000_000, timeout_s=0.15))
            is_over.set()

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("timeout", True)


class TestAServerThatSendsTooMuch:
    @pytest.mark.parametrize(
        "script",
        [
            says(HEAD, b"Content-Length: 10000000\r\n\r\n", b"a" * 10_000_000),
            keeps_saying(HEAD + b"\r\n", b"a" * 65536),
            keeps_saying(CHUNKED, b"1000\r\n" + b"a" * 0x1000 + b"\r\n"),
            keeps_saying(CHUNKED + b"-1\r\n", b"a" * 65536),
            keeps_saying(CHUNKED + b"fffffffffffffffff\r\n", b"a" * 65536),
            keeps_saying(CHUNKED + b"0\r\n", b"X: y\r\n"),
            keeps_saying(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            says(HEAD, b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(10_000_000))),
            says(HEAD, b"Content-Encoding: deflate\r\n\r\n", zlib.compress(bytes(10_000_000))),
            says(HEAD, b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(gzip.compress(bytes(10_000_000)))),
        ],
        ids=[
            "as it says",
            "without end",
            "in chunks",
            "in a chunk of -1",
            "in one chunk",
            "in trailers",
            "in continuations",
            "in gzip",
            "in deflate",
            "in gzip in gzip",
        ],
    )
    def test_is_cut_off(self, script: Script, laptop: HttpCaller) -> None:
        outcome = failure(laptop, script)

        assert (outcome.code, outcome.is_retryable) == ("answer_too_large", False)


class TestAServerThatBreaksOff:
    @pytest.mark.parametrize(
        "script",
        [
            says(),
            resets,
            says(b"HTTP/1.1 200 OK"),
            says(HEAD, b"Content-Type: text/plain\r\n"),
            says(HEAD, b"Content-Length: 9\r\n\r\nabc"),
            says(CHUNKED, b"9\r\nabc"),
            says(CHUNKED, b"3\r\nabc\r\n"),
            says(CHUNKED, b"-2\r\nabc\r\n0\r\n\r\n"),
            says(CHUNKED, b"xyz\r\nabc\r\n0\r\n\r\n"),
            says(HEAD, b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
            says(HEAD, b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
            says(HEAD, b"Content-Encoding: ", b"gzip, " * 9, b"gzip\r\n\r\nabc"),
            says(b"SSH-2.0-OpenSSH_9.6\r\n"),
            says(b"HTTP/1.1 abc OK\r\n\r\n"),
            says(b"HTTP/1.1 ", b"2" * 70_000, b"\r\n\r\n"),
            says(HEAD, b"X: ", b"y" * 70_000, b"\r\n\r\n"),
            says(HEAD, b"X: y\r\n" * 1000, b"\r\n"),
            keeps_saying(HEAD, b"X: y\r\n"),
        ],
        ids=[
            "at once",
            "by reset",
            "in the status line",
            "in the headers",
            "before its length",
            "in a chunk",
            "before the last chunk",
            "in a chunk of -2",
            "in a chunk of xyz",
            "with two lengths",
            "with broken gzip",
            "with gzip ten times",
            "with another protocol",
            "with another status",
            "with a long status line",
            "with a long header",
            "with many headers",
            "with endless headers",
        ],
    )
    def test_may_be_asked_again(self, script: Script, laptop: HttpCaller) -> None:
        outcome = failure(laptop, script)

        assert (outcome.code, outcome.is_retryable) == ("connection", True)
        assert len(outcome.message) < 600


@dataclass
class Parrot:
    url: str = ""
    words: bytes = b""

    def speak(self, connection: socket.socket) -> None:
        connection.sendall(self.words)


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    bird = Parrot()
    with raw_server(bird.speak) as bird.url:
        yield bird


WORDS = st.sampled_from(
    [
        HEAD,
        CHUNKED,
        b"HTTP/1.0 404 No\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 Nothing\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 99999999999999999999\r\n",
        b"Content-Type: application/json\r\n",
        b"Content-Type: \xff\xfe; charset=\x00\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -3\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: deflate, gzip\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Location: \xed\xa0\x80\r\n",
        b" folded\r\n",
        b": nameless\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"3\r\n",
        b"-1\r\n",
        b"-7\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffffffffffff\r\n",
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
        b"[" * 2000,
        gzip.compress(b'{"a":1}'),
        gzip.compress(b'{"a":1}')[:9],
    ]
)


class TestWhateverAServerSays:
    @settings(max_examples=200, deadline=None)
    @given(st.lists(WORDS | st.binary(max_size=20), max_size=12).map(b"".join), st.sampled_from([b"", HEAD, CHUNKED]))
    def test_there_is_an_outcome_that_a_journal_can_keep(
        self, laptop: HttpCaller, parrot: Parrot, words: bytes, start: bytes
    ) -> None:
        parrot.words = start + words

        match laptop.call(http_call(parrot.url)):
            case Succeeded(result):
                assert len(canonical_json(result)) <= MAX_ANSWER_BYTES
            case Failed(code, message):
                assert code
                assert len(message.encode()) < 4000
