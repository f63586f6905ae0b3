"""What only Camunda's wire refuses, in its engine's own words: clients match on them."""

from chalicelib.core.errors import Invalid

INVALID_REQUEST = "InvalidRequestException"
REST = "RestException"
ENGINE = "ProcessEngineException"
BAD_USER_REQUEST = "BadUserRequestException"
NOT_VALID = "NotValidException"
NULL_VALUE = "NullValueException"


class EngineRefusal(Invalid):
    """A refusal as the engine says it: status, type, message and code of the error's body."""

    code = "engine_refusal"

    def __init__(self, status: int, kind: str, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.engine_code = status, kind, code


def malformed() -> EngineRefusal:
    """Refuse JSON that is none, or not of the shape that is expected: the engine says nothing about it."""
    return EngineRefusal(400, INVALID_REQUEST, "")


def invalid(message: str) -> EngineRefusal:
    return EngineRefusal(400, INVALID_REQUEST, message)


def engine(message: str, kind: str = ENGINE, status: int = 500) -> EngineRefusal:
    """Refuse what the engine itself throws on: its errors have the code 0."""
    return EngineRefusal(status, kind, message, 0)


def not_found(message: str, code: int | None = None) -> EngineRefusal:
    return EngineRefusal(404, INVALID_REQUEST, message, code)
