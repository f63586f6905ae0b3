"""The URL of a definition: absolute, of the web, and none at all if it says nothing."""

from typing import Any

import pytest

from chalicelib.core.definition_documents import MAX_URL, DefinitionInvalid, read_definition
from tests.graphs import Call, document

REFUSED = f"'url' must be an absolute http(s) URL of {MAX_URL} characters at most, without blanks"


def read(url: Any) -> str:
    return read_definition({**document(Call("work")), "url": url}).url


@pytest.mark.parametrize(
    "url",
    [
        "https://app.test",
        "http://app.test:8000/orders?of=a,b#x",
        f"https://a/{'x' * (MAX_URL - 10)}",
    ],
)
def test_is_kept_as_it_is_written(url):
    assert read(url) == url


def test_of_a_definition_without_one_is_empty():
    assert read_definition(document(Call("work"))).url == read("") == read(None) == ""


@pytest.mark.parametrize(
    "url",
    [
        *(
            "order",
            "/orders",
            "ftp://app.test",
            "reprise:order",
            "https://",
            "https://a b",
            "https://a\n",
            " https://a",
        ),
        f"https://a/{'x' * (MAX_URL - 9)}",
    ],
)
def test_that_is_no_web_address_is_refused(url):
    with pytest.raises(DefinitionInvalid) as refused:
        read(url)

    assert [defect.problem for defect in refused.value.defects] == [REFUSED]


@pytest.mark.parametrize("url", [7, ["https://a"], {}])
def test_that_is_no_text_is_refused(url):
    with pytest.raises(DefinitionInvalid):
        read(url)
