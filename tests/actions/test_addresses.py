import time
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.actions.addresses import (
    AddressPolicy,
    check_url,
    read_target,
    resolve_target,
    system_resolver,
)
from chalicelib.actions.errors import UrlRefused
from chalicelib.actions.http import HttpCaller
from chalicelib.core.effects import Failed
from tests.actions.conftest import DEPLOYED, LAPTOP, NOW, Names, http_call

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2002:7f00:1::",
    "2002:c0a8:1::1",
    "2001:0:5ef5:79fd:0:0:80ff:fffe",  # Teredo, to 127.0.0.1
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
]
NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.100.1",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::169.254.170.2",
    "2002:a9fe:a9fe::",
    "2001:0:5ef5:79fd:0:0:5601:5601",  # Teredo, to 169.254.169.254
]
PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]
SPELLINGS = [
    "http://2852039166/",
    "http://2130706433/",
    "http://0xa9fea9fe/latest/meta-data",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://127.1/",
    "http://0x7f.1/",
    "http://0/",
    "http://1/",
    "http://１２７.0.0.1/",  # noqa: RUF001  full-width digits are the point
    "http://127。0。0。1/",
    "http://ⓛocalhost/",
    "http://127.0.0.1./",
    "http://steps.example./",
    "http://evil.example\\@169.254.169.254/",
    "http://evil.example@169.254.169.254/",
    "http://user:secret@steps.example/",
    "http://@steps.example/",
    "http://steps.example:80:22/",
    "http://steps.example:80@127.0.0.1/",
    "http://ste\tps.example/",
    "http://steps.example\r\n/",
    "http://steps.example/a b",
    "http://steps.example/\x00",
    "http://steps.example/\x7f",
    "http://steps.example/\ud800",
    " http://steps.example/",
    "http://steps%2eexample/",
    "http://[::1",
    "http://::1/",
    "http://[::1]evil.example/",
    "http://evil[::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[127.0.0.1]/",
    "http://[:::]/",
    "http://[v1.x]/",
    "http:///etc/passwd",
    "http:/steps.example/",
    "http://",
    "http://.steps.example/",
    "http://steps..example/",
    f"http://{'a' * 64}.example/",
    f"http://steps.example/{'a' * 8192}",
    "//steps.example/",
    "steps.example/",
    "",
    "file:///etc/passwd",
    "gopher://steps.example/",
    "ftp://steps.example/",
    "javascript:alert(1)",
    "http+unix://steps.example/",
    "http://steps.example:22/",
    "http://steps.example:25/",
    "http://steps.example:6379/",
    "http://steps.example:9001/",
    "http://steps.example:0/",
    "http://steps.example:65536/",
    "http://steps.example:99999/",
    "http://steps.example:-80/",
    "http://steps.example:+80/",
    "http://steps.example:８０/",  # noqa: RUF001  full-width digits are the point
    "http://steps.example:http/",
]


def url_of(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


def refusal_of(url: str, names: Names) -> Failed:
    caller = HttpCaller(DEPLOYED, monotonic=time.monotonic, now=lambda: NOW, resolve=names)
    outcome = caller.call(http_call(url))
    assert isinstance(outcome, Failed)
    return outcome


class TestARefusedTarget:
    @pytest.mark.parametrize("url", [*map(url_of, PRIVATE + NEVER), *SPELLINGS], ids=lambda url: ascii(url[:60]))
    def test_is_refused_when_a_definition_is_saved(self, url: str) -> None:
        with pytest.raises(UrlRefused):
            check_url(url, DEPLOYED)

    @pytest.mark.parametrize("url", [*map(url_of, PRIVATE + NEVER), *SPELLINGS], ids=lambda url: ascii(url[:60]))
    def test_is_refused_at_the_call_with_no_socket_and_no_question_to_the_dns(
        self, url: str, connects: list[object]
    ) -> None:
        names = Names()

        refusal = refusal_of(url, names)

        assert (refusal.code, refusal.is_retryable) == ("address_refused", False)
        assert (connects, names.asked) == ([], [])

    @pytest.mark.parametrize("address", PRIVATE + NEVER)
    def test_is_refused_when_a_name_leads_there(self, address: str, connects: list[object]) -> None:
        refusal = refusal_of("http://steps.example/", Names({"steps.example": [address]}))

        assert (refusal.code, refusal.is_retryable, connects) == ("address_refused", False, [])

    @pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "64:ff9b::a9fe:a9fe"])
    @pytest.mark.parametrize("is_first", [True, False])
    def test_is_refused_beside_a_public_address(self, address: str, is_first: bool, connects: list[object]) -> None:
        answer = [address, "1.1.1.1"] if is_first else ["1.1.1.1", "2606:4700:4700::1111", address]

        refusal = refusal_of("http://steps.example/", Names({"steps.example": answer}))

        assert (refusal.code, connects) == ("address_refused", [])

    def test_is_not_told_by_its_address(self) -> None:
        refusal = refusal_of("http://steps.example/", Names({"steps.example": ["10.1.2.3"]}))

        assert "10.1.2.3" not in refusal.message

    @pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"])
    def test_is_what_the_system_makes_of_a_spelling(self, host: str) -> None:
        assert system_resolver(host) == ["169.254.169.254"]

    def test_is_localhost(self, connects: list[object]) -> None:
        caller = HttpCaller(DEPLOYED, monotonic=time.monotonic, now=lambda: NOW)

        outcome = caller.call(http_call("http://localhost/"))

        assert isinstance(outcome, Failed)
        assert (outcome.code, connects) == ("address_refused", [])


class TestAnAllowedTarget:
    @pytest.mark.parametrize("address", PUBLIC)
    def test_is_every_public_address(self, address: str) -> None:
        check_url(url_of(address), DEPLOYED)

    @pytest.mark.parametrize("port", [80, 443, 8080, 8443])
    def test_has_a_port_of_the_web(self, port: int) -> None:
        check_url(f"https://steps.example:{port}/", DEPLOYED)

    def test_may_be_a_name_until_the_dns_has_spoken(self) -> None:
        check_url("http://localhost/", DEPLOYED)

    def test_is_resolved_once_and_called_at_the_checked_address(self, connects: list[object]) -> None:
        names = Names({"steps.example": ["1.1.1.1"]})

        refusal = refusal_of("https://steps.example/ship", names)

        assert refusal.code == "connection"
        assert (names.asked, connects) == (["steps.example"], [("1.1.1.1", 443)])

    @pytest.mark.parametrize("address", PRIVATE)
    def test_may_be_private_on_a_laptop(self, address: str) -> None:
        check_url(f"{url_of(address)[:-1]}:9001/", LAPTOP)

    @pytest.mark.parametrize("address", NEVER)
    def test_is_never_link_local_metadata_or_multicast(self, address: str) -> None:
        with pytest.raises(UrlRefused):
            check_url(url_of(address), LAPTOP)
        with pytest.raises(UrlRefused):
            resolve_target(read_target("http://a/", LAPTOP), LAPTOP, Names({"a": ["10.0.0.1", address]}))


class TestReadingATarget:
    @pytest.mark.parametrize(
        ("url", "authority"),
        [
            ("http://Steps.Example", "steps.example"),
            ("http://steps.example:80/", "steps.example"),
            ("http://steps.example:443/", "steps.example:443"),
            ("HTTPS://steps.example:443/", "steps.example"),
            ("https://steps.example:8443/", "steps.example:8443"),
            ("https://[2606:4700::1]/", "[2606:4700::1]"),
            ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443"),
            ("http://steps.example#@169.254.169.254:22/", "steps.example"),
        ],
    )
    def test_names_the_port_unless_the_scheme_does(self, url: str, authority: str) -> None:
        assert read_target(url, DEPLOYED).authority == authority

    @pytest.mark.parametrize(
        ("tail", "resource"),
        [
            ("", "/"),
            ("?a=1", "/?a=1"),
            ("/orders/7?a=1&b=%20#part", "/orders/7?a=1&b=%20"),
            ("/straße?ort=köln", "/stra%C3%9Fe?ort=k%C3%B6ln"),
            ("//evil.example/", "//evil.example/"),
        ],
    )
    def test_keeps_path_and_query_as_ascii(self, tail: str, resource: str) -> None:
        assert read_target(f"http://steps.example{tail}", DEPLOYED).resource == resource


def spellings(address: IPv4Address) -> list[str]:
    a, b, c, d = address.packed
    number = int(address)
    return [
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:#x}.{b:#X}.{c}.{d:#x}",
    ]


def disguises(address: IPv4Address) -> list[IPv6Address]:
    number = int(address)
    return [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80) | 1),
        IPv6Address((0x20010000 << 96) | (0x41ED79FD << 64) | (number ^ 0xFFFFFFFF)),
    ]


def allows(policy: AddressPolicy, url: str) -> bool:
    try:
        check_url(url, policy)
    except UrlRefused:
        return False
    return True


class TestOneAddress:
    @given(st.ip_addresses(v=4), st.builds(AddressPolicy, st.booleans()))
    def test_is_judged_alike_in_every_spelling(self, address: IPv4Address, policy: AddressPolicy) -> None:
        judged = {allows(policy, f"http://{host}/") for host in [str(address), *spellings(address)]}

        assert judged == {policy.allows_address(address)}

    @given(st.ip_addresses(v=4), st.builds(AddressPolicy, st.booleans()))
    def test_is_judged_alike_in_every_disguise(self, address: IPv4Address, policy: AddressPolicy) -> None:
        judged = {policy.allows_address(disguise) for disguise in disguises(address)}

        assert judged == {policy.allows_address(address)}
