"""Why an action ends without a result, in one tree.

    ActionError             trying the same again gives the same, unless it says otherwise
    ├── UrlRefused          this stage may not call that
    ├── HeaderRefused       a header that is not the caller's to set, or not a header at all
    ├── MethodRefused       not one of the methods a step may use
    ├── PayloadRefused      what is to be sent is not JSON
    ├── AnswerInvalid       what came back is not JSON, where JSON was promised
    └── AnswerTooLarge      what came back is more than a journal keeps

The same checks guard a definition when it is saved and the call when it is made. At the call an error
becomes a `Failed` with its `code` and message.
"""


class ActionError(Exception):
    """End an action. A leaf is a fact, and builds its own message."""

    code: str
    is_retryable: bool = False


class UrlRefused(ActionError):
    code = "address_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"The URL is refused: {reason}.")
        self.reason = reason


class HeaderRefused(ActionError):
    code = "header_refused"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The header {name[:64]!a} is refused: {reason}.")
        self.name = name
        self.reason = reason


class MethodRefused(ActionError):
    code = "method_refused"

    def __init__(self, method: str) -> None:
        super().__init__(f"The method {method[:16]!a} is refused: a step may not use it.")


class PayloadRefused(ActionError):
    code = "payload_refused"

    def __init__(self) -> None:
        super().__init__("The payload cannot be sent: it holds what JSON has no words for.")


class AnswerInvalid(ActionError):
    code = "answer_invalid"

    def __init__(self) -> None:
        super().__init__("The answer is not JSON with finite numbers, whole characters and bounded depth.")


class AnswerTooLarge(ActionError):
    code = "answer_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The answer is larger than {limit} bytes.")
