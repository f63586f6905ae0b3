"""A certificate is checked against the name that was asked for, on the address that was checked."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket

import pytest
from cryptography import x509  # comes with moto
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.actions.http import HttpCaller
from chalicelib.core.effects import Failed, Outcome, Succeeded
from tests.actions.conftest import LAPTOP, NOW, Names, hear_head, http_call, raw_server

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_FOR = timedelta(days=36_500)


def self_signed(name: str) -> tuple[str, str]:
    """Make a key and its certificate for one name, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, VALID_FROM, VALID_FROM + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return (
        key.private_bytes(encoding, form, serialization.NoEncryption()).decode(),
        certificate.public_bytes(encoding).decode(),
    )


class SecureStep:
    """A server with a certificate for steps.example, that remembers the name and the request it heard."""

    def __init__(self, folder: Path) -> None:
        key, self.certificate = self_signed("steps.example")
        pem = folder / "step.pem"
        pem.write_text(key + self.certificate)
        self.names: list[str | None] = []
        self.heads: list[bytes] = []
        self.port = 0
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(pem)
        self._tls.sni_callback = lambda _socket, name, _context: self.names.append(name)

    @contextmanager
    def served(self) -> Iterator["SecureStep"]:
        with raw_server(self._answer, hears_requests=False) as url:
            self.port = int(url.rstrip("/").rpartition(":")[2])
            yield self

    def _answer(self, connection: socket) -> None:
        with self._tls.wrap_socket(connection, server_side=True) as secured:
            self.heads.append(hear_head(secured))
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[SecureStep]:
    with SecureStep(tmp_path).served() as server:
        yield server


@pytest.fixture
def call(secure: SecureStep) -> Callable[[str], Outcome]:
    trusting = HttpCaller(
        LAPTOP,
        monotonic=time.monotonic,
        now=lambda: NOW,
        resolve=Names({host: ["127.0.0.1"] for host in ("steps.example", "other.example", "127.0.0.1")}),
        tls=lambda: ssl.create_default_context(cadata=secure.certificate),
    )
    return lambda host: trusting.call(http_call(f"https://{host}:{secure.port}/ship", method="GET"))


class TestASecureCall:
    def test_shows_the_name_while_it_goes_to_the_address(
        self, call: Callable[[str], Outcome], secure: SecureStep, connects: list[object]
    ) -> None:
        assert isinstance(call("steps.example"), Succeeded)

        assert secure.names == ["steps.example"]
        assert f"Host: steps.example:{secure.port}".encode() in secure.heads[0]
        assert connects == [("127.0.0.1", secure.port)]

    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_sends_nothing_to_a_server_with_a_certificate_for_another_name(
        self, host: str, call: Callable[[str], Outcome], secure: SecureStep
    ) -> None:
        outcome = call(host)

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("certificate_refused", False)
        assert not any(secure.heads)

    def test_sends_nothing_to_a_server_nobody_vouches_for(self, secure: SecureStep) -> None:
        names = Names({"steps.example": ["127.0.0.1"]})
        caller = HttpCaller(LAPTOP, monotonic=time.monotonic, now=lambda: NOW, resolve=names)

        outcome = caller.call(http_call(f"https://steps.example:{secure.port}/"))

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("certificate_refused", False)
        assert not any(secure.heads)

    def test_needs_a_server_that_speaks_tls(self, laptop: HttpCaller) -> None:
        def speaks_plainly(connection: socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        with raw_server(speaks_plainly, hears_requests=False) as url:
            outcome = laptop.call(http_call(url.replace("http:", "https:")))

        assert isinstance(outcome, Failed)
        assert (outcome.code, outcome.is_retryable) == ("connection", True)
