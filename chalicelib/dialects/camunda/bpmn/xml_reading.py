"""Read XML from strangers into a small tree.

| danger                                  | answer                                               |
|-----------------------------------------|------------------------------------------------------|
| entities that grow, or read files       | a document type declaration is refused               |
| a tree too large or too deep for memory | MAX_BYTES, MAX_ELEMENTS, MAX_LEVELS                  |
| encodings that Python would look up     | only those that expat itself knows                   |
| processing instructions, comments       | are passed over: nothing is done with them           |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_BYTES = 2 * 1024 * 1024
MAX_ELEMENTS = 20_000
MAX_LEVELS = 64

_ENCODINGS = frozenset({"utf-8", "utf-16", "iso-8859-1", "us-ascii"})


@dataclass(frozen=True, slots=True)
class Element:
    """An element and its place (from 1). An attribute with a namespace is named `{namespace} {name}`."""

    namespace: str
    name: str
    attributes: Mapping[str, str]
    line: int
    column: int
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class XmlInvalid(Exception):
    """The bytes are no XML, or XML of a kind that is not read."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def read_xml(xml: bytes) -> Element:
    """Answer the outermost element; raise `XmlInvalid`."""
    if len(xml) > MAX_BYTES:
        raise XmlInvalid(f"The file has more than {MAX_BYTES} bytes", 1, 1)
    return _Reading().read(xml)


class _Reading:
    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0

    def read(self, xml: bytes) -> Element:
        try:
            self._parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise XmlInvalid(expat.ErrorString(error.code), error.lineno, error.offset + 1) from error
        assert self._root is not None
        return self._root

    def _refusal(self, message: str) -> XmlInvalid:
        return XmlInvalid(message, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise self._refusal(f"The encoding '{encoding}' is not supported")

    def _doctype(self, _name: str, _system: str | None, _public: str | None, _internal: int) -> None:
        raise self._refusal("A document type declaration is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise self._refusal(f"The file has more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_LEVELS:
            raise self._refusal(f"Elements stand more than {MAX_LEVELS} levels deep")
        namespace, _, local = name.rpartition(" ")
        place = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
        element = Element(namespace, local, attributes, *place)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].pieces.append(text)
