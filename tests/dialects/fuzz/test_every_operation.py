"""Requests made up from the OpenAPI documents, with ids that exist among them: whatever comes, it is answered.

No request is answered as a defect of ours, each answer has a status that its operation documents and a body that can
be read, and a refusal has written nothing. Camunda's engine answers some requests with 500, and so do we: in its words.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.openapi import from_dict
from urllib3.filepost import encode_multipart_formdata

from tests.dialects.client import Reply
from tests.dialects.test_every_route import FIRST
from tests.dialects.test_hostile_requests import is_defect
from tests.dialects.things import Things
from tests.shapes import DIALECTS, documents

FEW, MANY = 3, 80


@cache
def operations() -> tuple[Any, ...]:
    """List the operations of every dialect, each at one of its mounts, as schemathesis understands their documents."""
    return tuple(_operations())


def _operations() -> Iterator[Any]:
    once = {(route.method, route.path) for _, route in FIRST.values()}
    for dialect, described in zip(DIALECTS, documents(), strict=True):
        for result in from_dict(described).get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            if (operation.method.upper(), operation.path) in once:
                yield pytest.param(operation, id=f"{dialect.__name__.split('.')[-2]}: {operation.label}")


def ask(case: Any, known: Things, data: st.DataObject) -> Reply:
    """Send a case with a key that may do all; what names something names what exists more often than not."""
    for name in case.path_parameters or {}:
        if data.draw(st.integers(0, 2)):
            case.path_parameters[name] = data.draw(st.sampled_from(known.names(name)))
    sent = case.as_transport_kwargs(base_url="http://localhost")
    for asked in (sent.get("params"), sent.get("json")):
        if isinstance(asked, dict) and data.draw(st.integers(0, 2)):
            asked.update({name: data.draw(_known(name, value, known)) for name, value in asked.items()})
    path, query = urlsplit(sent["url"]).path, urlencode(sent.get("params") or {}, doseq=True)
    named = {str(name).lower(): _header(value) for name, value in sent["headers"].items()}
    headers = {
        name.replace("-", "_"): value for name, value in named.items() if name not in {"authorization", "api-key"}
    }
    body = json.dumps(sent["json"]).encode() if "json" in sent else sent.get("data")
    if sent.get("files"):
        body, headers["content_type"] = _form(sent["files"], data)
    raw = body if isinstance(body, bytes) else b"" if body is None else str(body).encode()
    return known.api(sent["method"].upper(), f"{path}?{query}" if query else path, raw, **headers)


def _known(name: str, value: Any, known: Things) -> st.SearchStrategy[Any]:
    """Let what is an id by its name, or a list of some, be those of things that there are."""
    ids = st.sampled_from(known.ids)
    if name.endswith(("Id", "_id")) and isinstance(value, str):
        return ids
    if name.endswith(("Ids", "IdIn", "_ids")):
        return st.lists(ids, min_size=1, max_size=2) if isinstance(value, list) else ids
    return st.just(value)


def _form(parts: list[tuple[str, tuple[None, str]]], data: st.DataObject) -> tuple[bytes, str]:
    """Write a form in which every part is a file: a field is one by its name, whatever else it is."""
    files = [(name, (name + data.draw(st.sampled_from([".bpmn", ".txt"])), content)) for name, (_, content) in parts]
    body, content_type = encode_multipart_formdata(files)
    return body, content_type


def _header(value: object) -> str:
    return str(value).encode("latin-1", "replace").decode("latin-1")


def check(case: Any, known: Things, data: st.DataObject) -> None:
    before = known.standing()
    reply = ask(case, known, data)

    assert not is_defect(reply), (reply.status, reply.body)
    assert b"Something went wrong on our side" not in reply.body
    if reply.status >= 400:
        assert known.standing() == before


@pytest.mark.parametrize("operation", operations())
@pytest.mark.parametrize("number", [FEW, pytest.param(MANY, marks=pytest.mark.heavy)])
def test_any_request_is_answered(operation: Any, number: int, known: Things) -> None:
    fuzzed = _given(operation, number)(lambda case, data: check(case, known, data))
    fuzzed()


def _given(operation: Any, number: int) -> Callable[[Callable[..., None]], Callable[[], None]]:
    made = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]
    fixed = settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: fixed(given(case=st.one_of(*made), data=st.data())(test))
