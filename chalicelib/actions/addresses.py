"""Which addresses a run may call: the guard against requests forged through our own network.

A URL is somebody else's text; our network, the cloud's metadata services and Lambda's runtime API trust
whoever connects from here. So a name is judged by the addresses it leads to, at the moment of the call:

| step                                   | closes                                                        |
|----------------------------------------|---------------------------------------------------------------|
| one strict reading of the URL          | two parsers that disagree: user info, backslash, tab, dots    |
| the name is resolved once              | a second answer that differs from the checked one (rebinding) |
| every address of the answer is checked | one public address beside a private one                       |
| an IPv6 address is unwrapped first     | an IPv4 address in disguise: mapped, NAT64, 6to4, Teredo      |
| the socket goes to a checked address   | anything that resolves the name again (see `wire.dial`)       |

`check_url` is the part that needs no DNS, for the moment when a definition is saved.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from string import punctuation
from urllib.parse import SplitResult, quote, urlsplit

from chalicelib.actions.errors import UrlRefused

Address = IPv4Address | IPv6Address
Resolver = Callable[[str], Sequence[str]]

MAX_URL_LENGTH = 8192  # what common servers take in one request line

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PUBLIC_PORTS = frozenset({80, 443, 8080, 8443})  # not 22, 6379, 9001: a step speaks to web servers
_HIGHEST_PORT = 65_535

_UNREADABLE = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")  # urlsplit drops or reinterprets some of these
_AUTHORITY = re.compile(
    r"""
    (?: \[ (?P<address> [0-9A-Fa-f]* : [0-9A-Fa-f:.]+ ) \]
    |   (?P<name> [A-Za-z0-9_-]{1,63} (?: \. [A-Za-z0-9_-]{1,63} )* )
    )
    (?: : (?P<port> [0-9]{1,5} ) )?
    """,
    re.VERBOSE,
)

_NEVER = tuple(
    ip_network(block)
    for block in (
        "169.254.0.0/16",  # link-local: EC2 metadata, ECS and EKS credentials, Lambda's runtime API
        "fe80::/10",  # link-local
        "fd00:ec2::/32",  # EC2 metadata and DNS over IPv6
        "168.63.129.16/32",  # Azure's host agent
        "192.0.0.192/32",  # Oracle's metadata
        "224.0.0.0/4",  # multicast
        "ff00::/8",  # multicast
    )
)
_NOT_PUBLIC = tuple(  # what `is_global` of Python 3.11 lets pass
    ip_network(block)
    for block in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "::/3",  # only 2000::/3 is handed out as global unicast,
        "4000::/2",  # and these three
        "8000::/1",  # are all the rest
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What this stage may call. `is_private_allowed` opens loopback, private networks and every port.

    That is for a laptop: in Lambda the runtime's own API listens on loopback. Link-local and metadata
    addresses stay closed even then.
    """

    is_private_allowed: bool = False

    def allows_port(self, port: int) -> bool:
        return self.is_private_allowed or port in _PUBLIC_PORTS

    def allows_address(self, address: Address) -> bool:
        real = unwrapped(address)
        if any(real in block for block in _NEVER):
            return False
        return self.is_private_allowed or (real.is_global and not any(real in block for block in _NOT_PUBLIC))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads, in the one reading of it that is checked, resolved, connected to and sent."""

    scheme: str
    host: str
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """Write the Host header: the port stands there unless the scheme implies it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def check_url(url: str, policy: AddressPolicy) -> None:
    """Refuse, with UrlRefused, a URL that no answer of the DNS could make callable."""
    read_target(url, policy)


def read_target(url: str, policy: AddressPolicy) -> Target:
    """Read where a URL leads, or raise UrlRefused: judges all that can be judged without the DNS."""
    target = _read_url(url)
    if not policy.allows_port(target.port):
        raise UrlRefused(f"port {target.port} may not be called")
    literal = _literal_address(target.host)
    if literal is not None and not policy.allows_address(literal):
        raise UrlRefused(f"{target.host} may not be called")
    return target


def resolve_target(target: Target, policy: AddressPolicy, resolve: Resolver) -> list[Address]:
    """Ask once for the addresses of a target; raise UrlRefused unless every one of them may be called."""
    addresses = [ip_address(text) for text in resolve(target.host)]
    if not all(policy.allows_address(address) for address in addresses):
        raise UrlRefused(f"{target.host} may not be called")  # which address it has is our network's secret
    return addresses


def system_resolver(host: str) -> list[str]:
    """Ask the operating system; raises OSError. The wait is bounded by the system's own settings."""
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def unwrapped(address: Address) -> Address:
    """Find the IPv4 address that an IPv6 address stands for; any other address is itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    _, teredo_client = address.teredo or (None, None)
    return address.ipv4_mapped or address.sixtofour or teredo_client or address


def _read_url(url: str) -> Target:
    parts = _split(url)
    if parts.scheme not in _DEFAULT_PORTS:
        raise UrlRefused("only http and https are called")
    if "@" in parts.netloc:
        raise UrlRefused("it holds a user name or password")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise UrlRefused("its host is not a plain name or address")
    port = int(authority["port"] or _DEFAULT_PORTS[parts.scheme])
    if not 0 < port <= _HIGHEST_PORT:
        raise UrlRefused("its port does not exist")
    host = authority["address"] or authority["name"]
    return Target(parts.scheme, host.lower(), port, _resource(parts))


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused(f"it is longer than {MAX_URL_LENGTH} characters")
    if _UNREADABLE.search(url):
        raise UrlRefused("it holds a blank, a control character, a backslash or half a character")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UrlRefused("it cannot be read") from error


def _resource(parts: SplitResult) -> str:
    """Write path and query as sent: what is not ASCII is percent-encoded, the rest is left alone."""
    query = f"?{parts.query}" if parts.query else ""
    return quote((parts.path or "/") + query, safe=punctuation)


def _literal_address(host: str) -> Address | None:
    """Read an address in any spelling the system takes (`2130706433`, `0x7f.1`); a name is none."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
