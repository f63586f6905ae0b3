"""What this stage would refuse at a call is told when the definition is saved, as far as its text shows it."""

import pytest

from chalicelib.actions.addresses import AddressPolicy
from chalicelib.core.definition_documents import DefinitionInvalid
from chalicelib.core.json_values import Json
from chalicelib.service.action_checks import check_actions
from tests.graphs import Ask, Call, Compute, definition, steps

PUBLIC, PRIVATE_TOO = AddressPolicy(is_private_allowed=False), AddressPolicy(is_private_allowed=True)


def calling(name: str, url: Json = "https://example.com/", **headers: Json) -> Call:
    return Call(name, {"action": {"type": "http", "url": url, "headers": headers}})


@pytest.mark.parametrize(
    "block",
    [
        calling("work"),
        calling("work", Accept="text/plain", Authorization="Bearer ${token}"),
        calling("work", "${base}/orders"),
        Call("work", {"action": {"type": "lambda", "function": "price"}}),
        steps(Compute("sum"), Ask("decide")),
    ],
    ids=["url", "headers", "template", "lambda", "no call"],
)
def test_what_may_be_called_is_let_pass(block):
    check_actions(definition(block), PUBLIC)


@pytest.mark.parametrize(
    "block",
    [
        calling("work", "ftp://example.com/"),
        calling("work", "http://169.254.169.254/latest/meta-data"),
        calling("work", "http://127.0.0.1/"),
        calling("work", Host="example.com"),
        calling("work", Accept="two\nlines"),
    ],
    ids=["scheme", "metadata", "loopback", "our header", "two lines"],
)
def test_what_may_not_be_called_is_refused_at_its_activity(block):
    with pytest.raises(DefinitionInvalid) as refused:
        check_actions(definition(block), PUBLIC)

    assert [defect.element for defect in refused.value.defects] == ["work"]


def test_every_defect_is_told():
    block = steps(calling("first", "ftp://example.com/", Host="a"), calling("second"), calling("third", Host="b"))

    with pytest.raises(DefinitionInvalid) as refused:
        check_actions(definition(block), PUBLIC)

    assert [defect.element for defect in refused.value.defects] == ["first", "first", "third"]


def test_a_stage_that_allows_its_own_network_lets_it_be_called():
    check_actions(definition(calling("work", "http://127.0.0.1:9999/")), PRIVATE_TOO)
