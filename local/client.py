"""A caller of the ops API, as plain as they come."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, method: str, url: str, status: int, body: str) -> None:
        super().__init__(f"{method} {url}: {status} {body}")
        self.status = status


class Client:
    def __init__(self, url: str, key: str) -> None:
        self.url = url
        json_only = {"Accept": "application/json", "Content-Type": "application/json"}
        self._headers = {"Authorization": f"Bearer {key}", **json_only}

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Answer what a call answers; `key` makes it safe to repeat."""
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        return fetch(method, self.url + path, {} if body is None and method == "POST" else body, headers)

    def all(self, path: str, name: str) -> list[dict[str, Any]]:
        """Read a list to its end."""
        found: list[dict[str, Any]] = []
        page = self.call("GET", f"{path}?limit=200")
        while True:
            found += page[name]
            if page["next_cursor"] is None:
                return found
            page = self.call("GET", f"{path}?limit=200&cursor={quote(page['next_cursor'])}")


def fetch(method: str, url: str, body: Any, headers: Mapping[str, str]) -> Any:
    """Make one HTTP call with JSON in and out; raise `Refused` for anything but 2xx."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, method=method, headers=dict(headers))  # noqa: S310 - our own server's URL
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - see above
            text = answer.read()
    except HTTPError as error:
        raise Refused(method, url, error.code, error.read().decode()) from error
    return json.loads(text) if text else None
