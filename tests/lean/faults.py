"""What AWS refuses, by its code."""

from typing import Any


class Fault(Exception):
    """AWS's refusal; `more` stands beside the error in the answer."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.more = more

    @classmethod
    def invalid(cls, message: str) -> "Fault":
        return cls("ValidationException", message)
