import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.actions.errors import HeaderRefused
from chalicelib.actions.headers import MAX_HEADERS, MAX_VALUE_LENGTH, check_headers


class TestAHeader:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Authorization", "Bearer abc"),
            ("x-trace_id", "a\tb"),
            ("X-Empty", ""),
            ("X-Latin", "grüße"),
            ("X-Long", "a" * MAX_VALUE_LENGTH),
            ("Content-Type", "text/plain"),
            ("Idempotency-Key", "ours stands in its place"),
        ],
        ids=lambda text: text[:20],
    )
    def test_may_be_sent(self, name: str, value: str) -> None:
        check_headers({name: value})

    @pytest.mark.parametrize(
        "value",
        ["a\r\nX: b", "a\nb", "a\rb", "\x00", "\x0b", "\x7f", "\u0100", "发", "\ud800", "a" * (MAX_VALUE_LENGTH + 1)],
        ids=lambda text: ascii(text[:20]),
    )
    def test_has_a_value_of_one_line_of_latin_1(self, value: str) -> None:
        with pytest.raises(HeaderRefused) as refused:
            check_headers({"X-A": value})

        assert refused.value.name == "X-A"

    @pytest.mark.parametrize(
        "name",
        ["", "a b", "a:", "a\r\n", "a\n", "é", "\x00", "(a)", "a" * 129, "\ud800"],
        ids=lambda text: ascii(text[:20]),
    )
    def test_has_a_token_for_a_name(self, name: str) -> None:
        with pytest.raises(HeaderRefused):
            check_headers({"X-A": "b", name: "c"})

    @pytest.mark.parametrize(
        "name",
        [
            "Host",
            "HOST",
            "Content-Length",
            "transfer-encoding",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "Proxy-Authenticate",
            "Proxy-Connection",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Accept-Encoding",
            "X-Amz-Security-Token",
            "x-amz-target",
        ],
    )
    def test_is_not_one_of_the_connection_or_the_cloud(self, name: str) -> None:
        with pytest.raises(HeaderRefused):
            check_headers({name: "x"})

    def test_is_one_of_64(self) -> None:
        check_headers({f"X-{number}": "" for number in range(MAX_HEADERS)})

        with pytest.raises(HeaderRefused):
            check_headers({f"X-{number}": "" for number in range(MAX_HEADERS + 1)})

    @given(st.dictionaries(st.text(), st.text(), max_size=3))
    def test_that_is_not_refused_is_one_line_of_bytes(self, headers: dict[str, str]) -> None:
        try:
            check_headers(headers)
        except HeaderRefused as refusal:
            str(refusal).encode("ascii")
        else:
            lines = "".join(f"{name}: {value}" for name, value in headers.items()).encode("latin-1")
            assert not {b"\r", b"\n", b"\0"} & {bytes([byte]) for byte in lines}
