import pytest

from chalicelib.dialects.camunda.bpmn.importing import read_bpmn
from chalicelib.dialects.camunda.bpmn.problems import Problem
from tests.dialects.camunda.bpmn.models import HEAD, around, only, problems

LAUGHS = (
    """<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]><definitions>&c;</definitions>"""
)
OUTSIDE = """<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<definitions>&x;</definitions>"""
REMOTE = """<!DOCTYPE d SYSTEM "http://example.com/x.dtd"><definitions/>"""


@pytest.mark.parametrize("xml", [LAUGHS, OUTSIDE, REMOTE, "<!DOCTYPE definitions><definitions/>"])
def test_a_document_type_is_refused(xml: str):
    (problem,) = problems(xml.encode())

    assert problem.message == "A document type declaration is not allowed"
    assert problem.line == 1


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        (b"", Problem("no element found", 1, 1)),
        (b"<definitions>\n  <process></definitions>", Problem("mismatched tag", 2, 14)),
        (b"<a:definitions/>", Problem("unbound prefix", 1, 1)),
        (b"<definitions>&nbsp;</definitions>", Problem("undefined entity", 1, 14)),
        (b'<definitions a="1" a="2"/>', Problem("duplicate attribute", 1, 20)),
        (b"<definitions>\xff</definitions>", Problem("not well-formed (invalid token)", 1, 14)),
        (b"not XML", Problem("syntax error", 1, 1)),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', Problem("The encoding 'utf-7' is not supported", 1, 1)),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', Problem("The encoding 'nonsense' is not supported", 1, 1)),
        (b" " * (2 * 1024 * 1024 + 1), Problem("The file has more than 2097152 bytes", 1, 1)),
        (b"<a>" * 65, Problem("Elements stand more than 64 levels deep", 1, 193)),
        (b"<a>" + b"<b/>" * 20_000 + b"</a>", Problem("The file has more than 20000 elements", 1, 80_000)),
        (b"<definitions/>", Problem("The root element must be BPMN 2.0's 'definitions', and is 'definitions'", 1, 1)),
    ],
)
def test_what_is_no_bpmn_file_is_refused_with_its_place(xml: bytes, problem: Problem):
    assert problems(xml) == (problem,)


def test_a_huge_attribute_is_no_danger():
    xml = around(f'<task id="x" other:note="{"a" * 1_900_000}"/>')

    assert only(xml).key == "p"


def test_a_huge_id_is_refused():
    assert "is not supported: an id holds" in problems(around(f'<task id="{"a" * 1_000_000}"/>'))[0].message


def test_instructions_and_comments_are_passed_over():
    xml = b'<?xml-stylesheet href="file:///etc/passwd"?><!-- x -->' + around("<?run this?>", '<task id="x"/>')

    assert only(xml).key == "p"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "us-ascii"])
def test_the_encodings_of_xml_are_read(encoding: str):
    name = "Pr\u00fcfen" if encoding != "us-ascii" else "Check"
    text = around('<task id="x"/>').decode().replace('id="p"', f'id="p" name="{name}"')

    assert only(f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)).name == name


def test_a_file_without_executable_processes_has_none():
    assert read_bpmn(f'{HEAD}<process id="p"><boundaryEvent/></process></definitions>'.encode()) == []
