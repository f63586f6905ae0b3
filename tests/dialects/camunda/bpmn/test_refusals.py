"""What cannot be honoured is refused, with its element and its place; nothing is passed over silently."""

import pytest

from chalicelib.core.errors import Invalid
from chalicelib.dialects.camunda.bpmn.importing import read_bpmn
from chalicelib.dialects.camunda.bpmn.problems import BpmnInvalid, Problem
from tests.dialects.camunda.bpmn.models import (
    FILES,
    HEAD,
    around,
    extended,
    file,
    flow,
    given,
    hears,
    io,
    kept,
    problems,
    when,
)

SET = "${execution.setVariable('n', 1)}"
UNSUPPORTED = [
    *("scriptTask", "sendTask", "receiveTask", "businessRuleTask", "manualTask", "callActivity", "boundaryEvent"),
    *("inclusiveGateway", "eventBasedGateway", "complexGateway", "transaction", "adHocSubProcess"),
    *("intermediateThrowEvent", "implicitThrowEvent", "callConversation"),
]


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_unsupported_element_is_named_with_its_place(name: str):
    (problem,) = problems(around("", f'  <{name} id="x"/>'))

    assert problem == Problem(f"Unsupported element: {name} 'x' of process 'p'", 4, 3, ("x",))


@pytest.mark.parametrize(
    "definition",
    ["message", "signal", "error", "escalation", "conditional", "compensate", "link", "cancel", "terminate"],
)
@pytest.mark.parametrize("event", ["startEvent", "intermediateCatchEvent", "endEvent"])
def test_only_a_timer_may_define_an_event(event: str, definition: str):
    name = f"{definition}EventDefinition"
    xml = around(f'<{event} id="x">\n<{name} id="d"/></{event}>')

    assert Problem(f"{name} 'd' of {event} 'x' is not supported", 4, 1, ("d", "x")) in problems(xml)


TASK_EXTENSIONS = {
    '<c:executionListener event="start" class="a.B"/>': "'class' of executionListener of userTask 'x' is not supported",
    '<c:executionListener event="end" delegateExpression="${b}"/>': "'delegateExpression' of executionListener",
    '<c:executionListener event="end"><c:script/></c:executionListener>': "'script' of executionListener",
    '<c:executionListener event="end" expression="${x}"><c:field/></c:executionListener>': "'field' of",
    '<c:executionListener event="end"/>': "Element 'class', 'expression', 'delegateExpression' or 'script' is",
    '<c:executionListener event="take" expression="${x}"/>': "must be one of {start|end}: 'take'",
    '<c:executionListener expression="${x}"/>': "must be one of {start|end}: ''",
    '<c:executionListener event="start" expression="${bean.go()}"/>': "methods of objects cannot be called",
    '<c:executionListener event="start" expression="${a}"/>': "only execution.setVariable('name', value) has an effect",
    '<c:taskListener event="complete" expression="${a}"/>': "taskListener of userTask 'x' must be one of {create}",
    '<c:taskListener event="create" class="a.B"/>': "'class' of taskListener of userTask 'x' is not supported",
    "<c:formData/>": "camunda:formData of userTask 'x' is not supported",
    "<c:connector/>": "camunda:connector of userTask 'x' is not supported",
    "<c:failedJobRetryTimeCycle>PT1M,PT2M</c:failedJobRetryTimeCycle>": "use 'R3/PT10M'",
    "<c:failedJobRetryTimeCycle>${r}</c:failedJobRetryTimeCycle>": "use 'R3/PT10M'",
    io("<c:inputParameter>1</c:inputParameter>"): "Missing attribute 'name' of camunda:inputParameter",
    io(given("a", "<c:list/>")): "camunda:list as value of parameter 'a' is not supported",
    io(given("a", "<c:map/>")): "camunda:map as value of parameter 'a' is not supported",
    io(given("a", '<c:script scriptFormat="groovy"/>')): "camunda:script as value of parameter 'a' is not supported",
    io(given("a", "${b()}")): "Error while parsing the expression of parameter 'a': the function 'b'",
    io(given("a", "x${b}"), given("c", "${a}")): "'a' cannot be read there: it is a local variable",
    io(given("n", "1")) + hears("start", SET): "'n' is a local variable of the element, and cannot be set",
    io("<c:strange/>"): "camunda:strange is not supported",
}


@pytest.mark.parametrize(("inside", "said"), TASK_EXTENSIONS.items())
def test_an_extension_that_would_do_something_else_is_refused(inside: str, said: str):
    (problem,) = problems(around(f'<userTask id="x">\n{extended(inside)}</userTask>'))

    assert said in problem.message
    assert problem.line == 4
    assert problem.element_ids == ("x",)


CONNECTOR = "<c:connector><c:connectorId>{}</c:connectorId>{}</c:connector>"
URL, METHOD = given("url", "https://x.example"), given("method", "GET")


@pytest.mark.parametrize(
    ("attributes", "inside", "said"),
    [
        ('c:type="external" c:topic="t"', "", "External tasks are not supported yet"),
        ('c:topic="t"', "", "External tasks are not supported yet"),
        ('c:type="mail"', "", "Unsupported type 'mail' of serviceTask 'x'"),
        ('c:class="a.B"', "", "Attribute 'camunda:class' of serviceTask 'x' is not supported: no Java code runs here"),
        ('c:delegateExpression="${b}"', "", "Attribute 'camunda:delegateExpression' of serviceTask 'x'"),
        ('c:expression="${b.go()}"', "", "Error while parsing expression of serviceTask 'x': methods of objects"),
        ("", "", "One of the attributes 'class', 'delegateExpression', 'type', or 'expression' is mandatory"),
        ('c:expression="${1}" c:mapDecisionResult="x"', "", "Attribute 'camunda:mapDecisionResult' of serviceTask 'x'"),
        ('c:expression="${1}" isForCompensation="true"', "", "serviceTask 'x' is compensation, which is not supported"),
        ('c:expression="${1}" c:asyncAfter="true"', "", "Attribute 'camunda:asyncAfter' of serviceTask 'x'"),
        (
            'c:expression="${1}"',
            CONNECTOR.format("http-connector", io(URL, METHOD)),
            "both a connector and an expression",
        ),
        ("", CONNECTOR.format("soap-http-connector", ""), "Connector 'soap-http-connector' of serviceTask 'x'"),
        ("", CONNECTOR.format("http-connector", io(METHOD)), "Parameter 'url' of http-connector of serviceTask 'x'"),
        ("", CONNECTOR.format("http-connector", io(URL)), "Parameter 'method' of http-connector of serviceTask 'x'"),
        ("", CONNECTOR.format("http-connector", io(URL, METHOD, given("x", "1"))), "Parameter 'x' of http-connector"),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, given("method", "FOO"))),
            "'method' is 'FOO'; it must be one of",
        ),
        ("", CONNECTOR.format("http-connector", io(URL, METHOD, given("headers", "x"))), "must be a camunda:map"),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, METHOD, given("headers", "<c:map><c:entry/></c:map>"))),
            "An entry of the headers must have a 'key'",
        ),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, METHOD, given("payload", "a=${b}"))),
            "the payload must be JSON",
        ),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, METHOD, given("payload", "<c:script/>"))),
            "The payload must be a text",
        ),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, METHOD, given("payload", '{"${a}": 1}'))),
            "cannot be the name of a field",
        ),
        (
            "",
            CONNECTOR.format("http-connector", io(URL, METHOD, given("payload", '"\\ue0000\\ue000 ${a}"'))),
            "a character of private use",
        ),
        ('c:expression="${1}"', io(kept("a", "${result}")), "a variable 'result' cannot be read there"),
        (
            'c:expression="${1}"',
            "<c:failedJobRetryTimeCycle>R99/PT1M</c:failedJobRetryTimeCycle>",
            "serviceTask 'x' 'attempts' must be from 1 to 20",
        ),
    ],
)
def test_a_service_task_that_cannot_be_performed_is_refused(attributes: str, inside: str, said: str):
    (problem,) = problems(around(f'<serviceTask id="x" {attributes}>{extended(inside)}</serviceTask>'))

    assert said in problem.message
    assert problem.line == 3
    assert problem.element_ids == ("x",)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("", "Unsupported intermediate catch event type of intermediateCatchEvent 'x'"),
        ("<timerEventDefinition/>", "Timer needs configuration"),
        ("<timerEventDefinition><timeCycle>R/PT1S</timeCycle></timerEventDefinition>", "timeCycle of"),
        ("<timerEventDefinition><timeDuration>P1M</timeDuration></timerEventDefinition>", "timeDuration 'P1M'"),
        ("<timerEventDefinition><timeDuration>P1Y</timeDuration></timerEventDefinition>", "timeDuration 'P1Y'"),
        ("<timerEventDefinition><timeDuration>-PT1S</timeDuration></timerEventDefinition>", "timeDuration '-PT1S'"),
        ("<timerEventDefinition><timeDuration>PT</timeDuration></timerEventDefinition>", "timeDuration 'PT'"),
        (
            "<timerEventDefinition><timeDate>soon</timeDate></timerEventDefinition>",
            "timeDate 'soon' is no ISO 8601 time",
        ),
        ("<timerEventDefinition><timeDate>${n()}</timeDate></timerEventDefinition>", "the function 'n'"),
    ],
)
def test_a_timer_without_a_time_is_refused(inside: str, said: str):
    (problem,) = problems(around(f'<intermediateCatchEvent id="x">{inside}</intermediateCatchEvent>'))

    assert said in problem.message
    assert problem.element_ids == ("x",)


def test_several_instances_of_an_activity_are_refused():
    inside = "<multiInstanceLoopCharacteristics/>"
    start = '<startEvent id="a"/><endEvent id="b"/>' + flow("a", "b")

    for node in (f'<task id="x">{inside}</task>', f'<subProcess id="x">{inside}{start}</subProcess>'):
        (problem,) = problems(around(node))
        assert "multiInstanceLoopCharacteristics" in problem.message


def test_an_event_sub_process_is_refused():
    inside = '<startEvent id="a"/><endEvent id="b"/>' + flow("a", "b")

    assert (
        problems(around(f'<subProcess id="x" triggeredByEvent="true">{inside}</subProcess>'))[0].message
        == "subProcess 'x' is an event sub-process, which is not supported"
    )


@pytest.mark.parametrize("name", ["startEvent", "endEvent", "exclusiveGateway", "parallelGateway"])
def test_mappings_of_events_and_gateways_are_refused(name: str):
    said = [problem.message for problem in problems(around(f'<{name} id="x">{extended(io())}</{name}>'))]

    assert f"camunda:inputOutput mapping unsupported for element type '{name}'" in said


# -- flows

START = '<startEvent id="s"/><endEvent id="e"/>'


@pytest.mark.parametrize(
    ("parts", "said", "ids"),
    [
        ([START, '<sequenceFlow id="f" targetRef="e"/>'], "Attribute 'sourceRef' is required on sequenceFlow", ("f",)),
        ([START, '<sequenceFlow sourceRef="s" targetRef="e"/>'], "Attribute 'id' is required on sequenceFlow", ()),
        ([START, flow("x", "e")], "Invalid source 'x' of sequence flow 'x_e'", ("x_e",)),
        ([START, flow("s", "x")], "Invalid destination 'x' of sequence flow 's_x'", ("s_x",)),
        ([START, flow("s", "e", when("yes"))], "Error while parsing the condition of sequenceFlow 's_e'", ("s_e",)),
        ([START, flow("s", "e", when("${a()}"))], "the function 'a' is not supported", ("s_e",)),
        (
            [START, flow("s", "e", '<conditionExpression language="groovy">x</conditionExpression>')],
            "A script as the condition of sequenceFlow 's_e' is not supported",
            ("s_e",),
        ),
        (
            [START, flow("s", "e", '<conditionExpression xsi:type="tExpression">${a}</conditionExpression>')],
            "Invalid type, only tFormalExpression is currently supported",
            ("s_e",),
        ),
        ([START, flow("s", "e", extended("<c:strange/>"))], "camunda:strange of sequenceFlow 's_e'", ("s_e",)),
        ([START, flow("s", "e", extended(hears("start", SET)))], "must be one of {take}: 'start'", ("s_e",)),
        (['<endEvent id="e"/>'], "no start event defined for process 'p'", ("p",)),
        (
            [START, '<startEvent id="t"/>', flow("s", "e"), flow("t", "e")],
            "multiple none start events or timer start events not supported on process definition",
            ("t",),
        ),
        (['<startEvent id="s"/><task id="t"/>', flow("s", "t")], "process 'p' has no end event", ("p",)),
        ([START, '<task id="t"/>', flow("s", "e")], "task 't' cannot be reached from the start event", ("t",)),
        (
            [START, '<task id="t"/><task id="u"/>', flow("s", "t"), flow("t", "u"), flow("u", "t"), flow("u", "e")],
            "task 't' stands on a cycle that holds neither a wait nor a call to the outside",
            ("t",),
        ),
        (
            [START, '<task id="t" default="f"/>', flow("s", "t"), flow("t", "e")],
            "The default flow 'f' of task 't'",
            ("t",),
        ),
        ([START, '<task id="s"/>', flow("s", "e")], "The id 's' of task is used twice", ("s",)),
        ([START, "<task/>", flow("s", "e")], "Attribute 'id' is required on task", ()),
        (
            [START, '<task id="pr\u00fcfen"/>', flow("s", "e")],
            "The id 'pr\u00fcfen' of task is not supported",
            ("pr\u00fcfen",),
        ),
    ],
)
def test_a_graph_that_cannot_be_walked_is_refused(parts: list[str], said: str, ids: tuple[str, ...]):
    (problem,) = problems(file(*parts))

    assert said in problem.message
    assert problem.element_ids == ids
    assert problem.line >= 2


GATE = '<startEvent id="s"/><endEvent id="a"/><endEvent id="b"/>' + flow("s", "g")


@pytest.mark.parametrize(
    ("parts", "said", "ids"),
    [
        (['<exclusiveGateway id="g"/>'], "Exclusive Gateway 'g' has no outgoing sequence flows.", ("g",)),
        (
            ['<exclusiveGateway id="g"/>', flow("g", "a", when("${x}"))],
            "has only one outgoing sequence flow ('g_a'). This is not allowed to have a condition.",
            ("g", "g_a"),
        ),
        (
            ['<exclusiveGateway id="g" default="g_a"/>', flow("g", "a", when("${x}")), flow("g", "b", when("${y}"))],
            "has outgoing sequence flow 'g_a' which is the default flow but has a condition too.",
            ("g", "g_a"),
        ),
        (
            ['<exclusiveGateway id="g" default="g_a"/>', flow("g", "a"), flow("g", "b")],
            "has outgoing sequence flow 'g_b' without condition which is not the default flow.",
            ("g", "g_b"),
        ),
    ],
)
def test_a_choice_left_to_chance_is_refused_in_camundas_words(parts: list[str], said: str, ids: tuple[str, ...]):
    found = problems(file(GATE, *parts))

    assert [problem.element_ids for problem in found if said in problem.message] == [ids]


# -- processes and files


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ('c:historyTimeToLive="P1Y"', "Cannot parse historyTimeToLive: 'P1Y'"),
        ('c:historyTimeToLive="soon"', "Cannot parse historyTimeToLive: 'soon'"),
        ('c:taskPriority="1"', "Attribute 'camunda:taskPriority' of process 'p' is not supported"),
    ],
)
def test_a_process_with_what_we_cannot_keep_is_refused(attributes: str, said: str):
    (problem,) = problems(file(START, flow("s", "e"), attributes=attributes))

    assert problem.message.startswith(said)
    assert (problem.line, problem.column, problem.element_ids) == (2, 1, ("p",))


def test_other_extensions_of_a_process_are_refused():
    (problem,) = problems(file(extended("<c:failedJobRetryTimeCycle/>"), START, flow("s", "e")))

    assert problem.message == "camunda:failedJobRetryTimeCycle of process 'p' is not supported"


@pytest.mark.parametrize("name", ["import", "globalTask", "choreography"])
def test_other_parts_of_a_file_are_refused(name: str):
    (problem,) = problems(f"{HEAD}<{name} id='i'/></definitions>".encode())

    assert problem.message == f"Unsupported element: {name} 'i'"


def test_a_file_tells_all_that_is_wrong_with_it_in_its_order():
    with pytest.raises(BpmnInvalid) as refused:
        read_bpmn((FILES / "unsupported.bpmn").read_bytes())

    error = refused.value
    assert isinstance(error, Invalid)
    assert error.code == "bpmn_invalid"
    assert [(problem.line, problem.column, problem.element_ids) for problem in error.problems] == [
        (4, 33, ("m", "start")),
        (6, 5, ("check",)),
        (7, 5, ("late",)),
        (9, 5, ("sub",)),
        (11, 5, ("decide",)),
        (13, 5, ("all",)),
        (14, 7, ("all",)),
        (17, 29, ("end",)),
    ]
    assert error.problems[1].message == "External tasks are not supported yet"
    assert error.details["problems"][0] == {  # type: ignore[index]
        "message": "messageEventDefinition 'm' of startEvent 'start' is not supported",
        "line": 4,
        "column": 33,
        "element_ids": ["m", "start"],
    }
