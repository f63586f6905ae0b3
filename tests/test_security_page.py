"""docs/security.md: whatever it names as a proof is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "security.md").read_text()
PROOF = re.compile(r"\[`(?P<shown>[^`]+)`\]\((?P<file>[^)#]+)\)(?P<tests>(?:[:,] `test_\w+`)*)")
LINK = re.compile(r"\]\((?P<file>[^)#]+)(?:#(?P<heading>[^)]+))?\)")


def rows() -> Iterator[list[str]]:
    """List the rows of the table of threats, each cut into its cells."""
    lines = PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines()
    yield from ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[4:] if line.startswith("|"))


PROOFS = [(it["file"], name) for it in PROOF.finditer(PAGE) for name in re.findall(r"test_\w+", it["tests"])]


@pytest.mark.parametrize(("file", "name"), PROOFS)
def test_every_test_that_is_named_stands_in_the_file_that_is_linked(file: str, name: str) -> None:
    assert re.search(rf"^ *def {name}\(", (DOCS / file).read_text(), re.MULTILINE)


def test_every_test_that_is_named_is_looked_for() -> None:
    assert {name for _, name in PROOFS} == {*re.findall(r"`(test_\w+)`", PAGE)}


@pytest.mark.parametrize(("file", "heading"), LINK.findall(PAGE))
def test_every_link_leads_somewhere(file: str, heading: str) -> None:
    target = DOCS / file
    text = target.read_text() if heading else ""

    assert target.is_file()
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
    assert not heading or heading in headings


def test_every_threat_has_an_answer_a_proof_and_what_is_left() -> None:
    table = [*rows()]

    assert len(table) >= 24
    for cells in table:
        assert len(cells) == 4, cells
        assert all(cells)
        assert "`test_" in cells[2], cells[0]


@pytest.mark.parametrize("page", [DOCS / "architecture.md", DOCS.parent / "README.md"])
def test_the_page_is_found(page: Path) -> None:
    assert "security.md)" in page.read_text()
