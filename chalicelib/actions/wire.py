"""A connection that ends: by one deadline for everything, and after so many bytes.

A timeout on a socket starts anew with every byte, so a server that sends one byte a second holds a caller for
ever. Here each wait gets what is left of one deadline. The bytes are counted below HTTP, so that no framing
(endless headers, endless 100 Continue, a chunk of minus one byte) can make its reader gather more.
"""

import io
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.actions.addresses import Address
from chalicelib.actions.errors import AnswerTooLarge
from chalicelib.actions.payloads import MAX_ANSWER_BYTES

_MAX_RECEIVED = 8 * MAX_ANSWER_BYTES  # the largest answer we keep, in chunks of one byte, and its headers


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time by `monotonic`, in seconds."""

    at: float
    monotonic: Callable[[], float]

    def left(self) -> float:
        """Say how many seconds are left, or raise TimeoutError."""
        left = self.at - self.monotonic()
        if left <= 0:
            raise TimeoutError("The time is over.")
        return left


def dial(addresses: Sequence[Address], port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that accepts, or raise OSError; each gets its share of the time left."""
    failure = OSError("The name has no address.")
    for tried, address in enumerate(addresses):
        try:
            share = deadline.left() / (len(addresses) - tried)
            connected = socket.create_connection((str(address), port), timeout=share)
        except OSError as error:
            failure = error
        else:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # headers and body are two sends
            return connected
    raise failure


class Wire:
    """The part of a socket that `http.client` uses, on which every wait ends at the deadline."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline
        self._received = 0
        self.has_ended = False

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(self._deadline.left())
            view = view[self._socket.send(view) :]

    def receive_into(self, buffer: Any) -> int:
        """Wait for some bytes and return their number: none once the other side has ended."""
        self._socket.settimeout(self._deadline.left())
        size = self._socket.recv_into(buffer)
        self.has_ended = size == 0
        self._received += size
        if self._received > _MAX_RECEIVED:
            raise AnswerTooLarge(MAX_ANSWER_BYTES)
        return size

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Inflow(self))

    def close(self) -> None:
        """Leave the socket open: whoever dialled it closes it, once the answer is read."""


class _Inflow(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive_into(buffer)
