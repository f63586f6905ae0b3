"""Each supported element becomes what it means, and what it became runs."""

import pytest

from chalicelib.core.definition_documents import read_definition
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.replay import begin
from chalicelib.core.state import Start
from chalicelib.dialects.camunda.bpmn.importing import read_bpmn
from tests.core.simulation import drive
from tests.dialects.camunda.bpmn.models import (
    FILES,
    activity,
    around,
    extended,
    file,
    flow,
    given,
    hears,
    io,
    kept,
    only,
    ran,
    when,
)


def service(attributes: str, *inside: str) -> str:
    return f'<serviceTask id="x" {attributes}>{extended(*inside)}</serviceTask>'


def user(*inside: str) -> str:
    return f'<userTask id="x">{extended(*inside)}</userTask>'


def connector(*parameters: str) -> str:
    return f"<c:connector>{io(*parameters)}<c:connectorId>http-connector</c:connectorId></c:connector>"


CALL = (given("url", "https://x.example/${id}"), given("method", "post"))
MAP = '<c:map><c:entry key="Accept">a/b</c:entry><c:entry key="X">${v}</c:entry></c:map>'
NONE: Variables = {"type": "none"}


def timer(inside: str) -> str:
    return (
        f'<intermediateCatchEvent id="x"><timerEventDefinition>{inside}</timerEventDefinition></intermediateCatchEvent>'
    )


@pytest.mark.parametrize(
    ("node", "fields"),
    [
        ('<task id="x" name="Do"/>', {"type": "service_task", "name": "Do", "action": NONE}),
        ('<userTask id="x" c:assignee="${a.b()}" c:formKey="f"/>', {"type": "user_task"}),
        (service('c:expression="${a}"'), {"type": "service_task", "action": {"type": "expression", "value": "${a}"}}),
        (
            service('c:expression="Hi #{a}" c:resultVariable="r"'),
            {
                "type": "service_task",
                "action": {"type": "expression", "value": 'Hi ${"" if a == null else a}'},
                "output": {"r": "${result}"},
            },
        ),
        (
            service("c:expression=\"${execution.setVariable('n', a + 1)}\" c:resultVariable='r'"),
            {
                "type": "service_task",
                "action": {"type": "expression", "value": "${a + 1}"},
                "output": {"n": "${result}", "r": "${null}"},
            },
        ),
        (
            service(
                'c:expression="${a}" c:resultVariable="r"',
                io(kept("double", "${r * 2}"), kept("more", "${double + 1}")),
            ),
            {
                "type": "service_task",
                "action": {"type": "expression", "value": "${a}"},
                "output": {"r": "${result}", "double": "${result * 2}", "more": "${result * 2 + 1}"},
            },
        ),
        (
            service("", connector(*CALL)),
            {
                "type": "service_task",
                "action": {
                    "type": "http",
                    "url": 'https://x.example/${"" if id == null else id}',
                    "method": "POST",
                },
            },
        ),
        (
            service(
                "",
                connector(
                    given("url", "${u}"),
                    given("method", "PUT"),
                    given("headers", MAP),
                    given("payload", '{"n": ${n}, "t": "a ${t ? 1 : 2}", "l": [1, "${x}"]}'),
                    kept("code", "${statusCode}"),
                    kept("id", "${response.id}"),
                ),
                io(kept("ok", "${code == 200}")),
            ),
            {
                "type": "service_task",
                "action": {
                    "type": "http",
                    "url": "${u}",
                    "method": "PUT",
                    "headers": {"Accept": "a/b", "X": "${v}"},
                    "body": {
                        "n": "${n}",
                        "t": 'a ${"" if (1 if t else 2) == null else 1 if t else 2}',
                        "l": [1, "${x}"],
                    },
                },
                "output": {
                    "code": "${result.status}",
                    "id": "${result.body.id}",
                    "ok": "${result.status == 200}",
                },
            },
        ),
        (
            service("c:expression='${1}'", "<c:failedJobRetryTimeCycle> R3/PT10M </c:failedJobRetryTimeCycle>"),
            {
                "type": "service_task",
                "action": {"type": "expression", "value": "${1}"},
                "retry": {"attempts": 3, "delay_s": 600, "factor": 1},
            },
        ),
        (
            service("c:expression='${1}'", "<c:failedJobRetryTimeCycle>R2/PT2H</c:failedJobRetryTimeCycle>"),
            {
                "type": "service_task",
                "action": {"type": "expression", "value": "${1}"},
                "retry": {"attempts": 2, "delay_s": 7200, "factor": 1, "max_delay_s": 7200},
            },
        ),
        (timer("<timeDuration>PT10S</timeDuration>"), {"type": "timer", "after_s": 10}),
        (timer("<timeDuration> P1WT1H0.5S </timeDuration>"), {"type": "timer", "after_s": 608400.5}),
        (timer("<timeDuration>${n * 2}</timeDuration>"), {"type": "timer", "after_s": "${n * 2}"}),
        (timer("<timeDate>2026-01-01T00:00:00Z</timeDate>"), {"type": "timer", "until": "2026-01-01T00:00:00Z"}),
        (timer("<timeDate>#{day}</timeDate>"), {"type": "timer", "until": "${day}"}),
        (
            f'<task id="x">{extended(io(given("i", "${a}"), given("j", "${i + 1}"), kept("k", "${j}")))}</task>',
            {
                "type": "service_task",
                "action": NONE,
                "input": {"i": "${a}", "j": "${a + 1}"},
                "output": {"k": "${j}"},
            },
        ),
        (
            user(io(given("i", "Hi"), kept("k", "${i}")), hears("end", "${execution.setVariable('n', i)}")),
            {
                "type": "user_task",
                "input": {"i": "Hi"},
                "on_end": [{"set": {"n": '${"Hi"}'}}, {"set": {"k": '${"Hi"}'}}],
            },
        ),
        (
            user('<c:taskListener event="create" expression="${task.setVariable(\'n\', 1)}"/>'),
            {"type": "user_task", "on_create": [{"set": {"n": "${1}"}}]},
        ),
        ('<parallelGateway id="x"/>', {"type": "parallel_gateway"}),
        ('<exclusiveGateway id="x" default="x_e"/>', {"type": "exclusive_gateway", "default": "x_e"}),
    ],
)
def test_an_element_becomes_an_activity(node: str, fields: Variables):
    assert activity(around(node)) == {"id": "x", **fields}


def test_a_process_tells_what_camunda_keeps_beside_it():
    process = only(file('<startEvent id="s"/><endEvent id="e"/>', flow("s", "e")))

    assert (process.key, process.name, process.version_tag, process.history_time_to_live) == ("p", None, None, None)
    assert process.is_startable_in_tasklist
    assert process.document == {
        "name": "p",
        "activities": [{"id": "s", "type": "start_event"}, {"id": "e", "type": "end_event"}],
        "transitions": [{"id": "s_e", "from": "s", "to": "e"}],
    }


@pytest.mark.parametrize(("text", "days"), [("180", 180), ("P30D", 30), ("", None)])
def test_a_time_to_live_is_read_in_days(text: str, days: int | None):
    xml = file('<startEvent id="s"/><endEvent id="e"/>', flow("s", "e"), attributes=f'c:historyTimeToLive="{text}"')

    assert only(xml).history_time_to_live == days


def test_the_listeners_of_a_process_are_the_definitions():
    listeners = extended(
        hears("start", "${execution.setVariable('a', n)}"), hears("end", "${execution.setVariable('b', a + 1)}")
    )

    assert ran(file(listeners, '<startEvent id="s"/><endEvent id="e"/>', flow("s", "e")), n=1) == {
        "n": 1,
        "a": 1,
        "b": 2,
    }


def test_listeners_are_heard_on_the_way():
    heard = [
        hears("start", "${execution.setVariable('n', n * 10 + 1)}"),
        hears("end", "${execution.setVariable('n', n * 10 + 3)}"),
    ]
    xml = file(
        '<startEvent id="s"/>',
        f'<exclusiveGateway id="x">{extended(*heard)}</exclusiveGateway><endEvent id="e"/>',
        flow("s", "x"),
        flow("x", "e", extended("<c:executionListener expression=\"${execution.setVariable('n', n * 10 + 5)}\"/>")),
    )

    assert ran(xml, n=0) == {"n": 135}


def test_a_user_tasks_outputs_stand_beside_what_the_person_gave():
    task = f'<userTask id="x">{extended(io(kept("said", "${v_x}!"), kept("again", "${said}?")))}</userTask>'

    assert ran(around(task)) == {"v_x": "x/0", "said": "x/0!", "again": "x/0!?"}


@pytest.mark.parametrize(("n", "end"), [(1, "a"), (2, "b"), (3, "c")])
@pytest.mark.parametrize("default", ["", 'default="x_c"'])
def test_an_exclusive_gateway_takes_its_default_said_or_assumed(n: int, end: str, default: str):
    set_ = "<c:executionListener event=\"start\" expression=\"${{execution.setVariable('end', '{}')}}\"/>"
    ends = [f'<endEvent id="{id_}">{extended(set_.format(id_))}</endEvent>' for id_ in "abc"]
    xml = file(
        f'<startEvent id="s"/><exclusiveGateway id="x" {default}/>',
        *ends,
        flow("s", "x") + flow("x", "c") + flow("x", "a", when("${n == 1}")) + flow("x", "b", when("${n == 2}")),
    )

    assert ran(xml, n=n)["end"] == end


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["${n == 1}", "${n == 2}"], "not (n == 1 or n == 2)"),
        (["${n == 1}"], "not n == 1"),
        (["${n == 1}", None], "false"),
        ([], None),
    ],
)
def test_a_tasks_default_flow_is_taken_if_no_other_is(conditions: list[str | None], expected: str | None):
    others = [flow("x", f"e{i}", when(one) if one else "") for i, one in enumerate(conditions)]
    ends = [f'<endEvent id="e{i}"/>' for i in range(len(conditions))]
    xml = file(
        '<startEvent id="s"/><task id="x" default="x_e"/><endEvent id="e"/>',
        *ends,
        flow("s", "x"),
        flow("x", "e"),
        *others,
    )

    transitions = only(xml).document["transitions"]
    assert isinstance(transitions, list)
    chosen = next(one for one in transitions if isinstance(one, dict) and one["id"] == "x_e")
    assert chosen.get("condition") == expected


@pytest.mark.parametrize("attribute", ["asyncBefore", "async"])
def test_an_activity_that_begins_later_is_a_save_point(attribute: str):
    document = only(around(f'<userTask id="x" c:{attribute}="true" c:exclusive="false"/>')).document

    begun = drive(read_definition(document), {}, most=3)
    assert [type(entry).__name__ for entry in begun.journal] == ["Input", "Passed", "Opened"]


def test_a_process_that_begins_later_rests_before_its_start():
    document = only(file('<startEvent id="s" c:asyncBefore="true"/><endEvent id="e"/>', flow("s", "e"))).document

    begun = drive(read_definition(document), {})
    assert [type(entry).__name__ for entry in begun.journal] == ["Input", "Passed", "Output"]


def test_a_sub_process_has_variables_of_its_own():
    inner = (
        '<startEvent id="a"/><endEvent id="b"/>'
        '<serviceTask id="c" c:expression="${i + 1}" c:resultVariable="i"/>' + flow("a", "c") + flow("c", "b")
    )
    mapped = extended(io(given("i", "${n}"), kept("o", "${i}")), hears("start", "${execution.setVariable('seen', i)}"))

    assert ran(around(f'<subProcess id="x">{mapped}{inner}</subProcess>'), n=1) == {"n": 1, "seen": 1, "o": 2}


def test_what_has_no_behaviour_is_passed_over():
    silent = (
        '<laneSet id="l"><lane id="Spur \u00e4"/></laneSet><textAnnotation id="1"/><association id="2"/><group id="3"/>'
        '<dataObject id="4"/><dataObjectReference id="5"/><other:thing c:class="x"/>'
    )
    task = (
        '<userTask id="x" c:candidateUsers="a" c:followUpDate="${d.x()}" c:priority="1" c:jobPriority="2"'
        ' c:asyncAfter="false" other:strange="yes"><documentation>D</documentation><incoming>s_x</incoming>'
        + extended("<c:properties><c:property/></c:properties><other:thing/>")
        + "</userTask>"
    )

    assert activity(around(silent, task)) == {"id": "x", "type": "user_task"}


# -- whole files


def test_an_invoice_is_read_and_runs():
    process = only((FILES / "invoice.bpmn").read_bytes())
    definition = read_definition(process.document)
    variables: Variables = {"amount": 1200, "creditor": "Bobby's", "account": "4", "approved": True}

    state = drive(definition, variables).state

    assert (process.key, process.name, process.version_tag) == ("invoice", "Invoice Receipt", "V2.0")
    assert (process.history_time_to_live, process.is_startable_in_tasklist) == (45, False)
    # `status` of the answer is missing: this world answers with texts, and no HTTP
    assert state.failure is not None
    assert state.failure.element == "pay"
    assert {**state.variables, **variables} == {
        **variables,
        "reminders": 0,
        "group": "management",
        "asked": "management",
        "v_approveInvoice": "approveInvoice/0",
    }


def test_a_rejected_invoice_waits_for_a_day_and_is_asked_again():
    definition = read_definition(only((FILES / "invoice.bpmn").read_bytes()).document)

    driven = drive(definition, {"amount": 1, "creditor": "B", "approved": False}, most=9)

    assert driven.state.failure is None
    assert driven.state.variables["reminders"] == 1


def test_an_order_is_read_in_activitis_namespace_and_runs():
    xml = (FILES / "order.bpmn").read_bytes()

    assert [process.key for process in read_bpmn(xml)] == ["order"]
    assert ran(xml, items={"first": 1, "second": 3}) == {
        "items": {"first": 1, "second": 3},
        "v_pick": "pick/0",
        "picked": "pick/0!",
        "total": 4,
        "rate": 1.0,
    }


@pytest.mark.parametrize(
    ("payload", "body"),
    [("${a}", "${a}"), (' "x" ', "x"), ("[]", []), ('"\\"${a}"', '"${"" if a == null else a}'), ("", None)],
)
def test_a_payload_is_json_with_expressions(payload: str, body: Json):
    action = activity(around(service("", connector(*CALL, given("payload", payload)))))["action"]

    assert isinstance(action, dict)
    assert action.get("body") == body


def test_reading_twice_gives_the_same():
    xml = (FILES / "invoice.bpmn").read_bytes()

    assert read_bpmn(xml) == read_bpmn(xml)
    assert begin(read_definition(only(xml).document), Start(), {"amount": 1, "creditor": "x"}).failure is None
