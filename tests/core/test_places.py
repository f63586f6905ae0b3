"""Places in sub-processes: those of one scope share it, and which scope is meant must never be open."""

import pytest

from chalicelib.core.beginnings import check_places
from chalicelib.core.definition_documents import read_definition
from chalicelib.core.ids import ActivityId
from chalicelib.core.refusals import ElementUnknown, ScopeAmbiguous
from chalicelib.core.state import AfterActivity, BeforeActivity, Place
from tests.graphs import Ask, Sub, document, steps

DEFINITION = read_definition(document(steps(Sub(steps(Ask("b"), Sub(Ask("c")))), Ask("d"))))
OUTER, INNER = DEFINITION.parents(ActivityId("c"))


def before(activity: str) -> Place:
    return BeforeActivity(ActivityId(activity))


@pytest.mark.parametrize(
    "places",
    [
        [],
        [before("d"), before("d")],
        [before("b"), before("c"), before("b"), AfterActivity(ActivityId("b"))],
        [before(OUTER), before(OUTER)],
        [before(OUTER), before("b")],
        [before("b"), before("d"), before(OUTER)],
        [before(INNER), before(INNER), before("b")],
    ],
)
def test_that_leave_nothing_open_are_taken(places):
    check_places(DEFINITION, places)


@pytest.mark.parametrize(
    ("places", "scope"),
    [
        ([before(OUTER), before(OUTER), before("b")], OUTER),
        ([before("b"), before(OUTER), before("c")], OUTER),
        ([before("b"), before(OUTER), AfterActivity(ActivityId("b"))], OUTER),
        ([before(INNER), before(INNER), before("c")], INNER),
    ],
)
def test_that_may_be_in_either_of_two_scopes_are_refused(places, scope):
    with pytest.raises(ScopeAmbiguous) as refused:
        check_places(DEFINITION, places)

    assert refused.value.details == {"scope": scope}


def test_that_nobody_knows_are_refused_first():
    with pytest.raises(ElementUnknown):
        check_places(DEFINITION, [before(OUTER), before(OUTER), before("x")])
