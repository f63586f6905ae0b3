"""What only the ingress refuses, in restate-server's words (1.7, crates/ingress-http, handler/error.rs)."""

from chalicelib.core.errors import Conflict, Invalid, NotFound


class ServiceUnknown(NotFound):
    code = "service_not_found"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"service '{service}' not found, make sure to register the service before calling it.", service=service
        )


class HandlerUnknown(NotFound):
    code = "handler_not_found"

    def __init__(self, service: str, handler: str) -> None:
        super().__init__(
            f"the service '{service}' exists, but the handler '{handler}' was not found, check that the handler exists"
            " in the latest registered service version.",
            service=service,
            handler=handler,
        )


class InvocationUnknown(NotFound):
    code = "invocation_not_found"

    def __init__(self) -> None:
        super().__init__("invocation not found")


class InvocationIdInvalid(Invalid):
    code = "invalid_id"

    def __init__(self, given: str, reason: str) -> None:
        super().__init__(f"bad invocation id '{given}': {reason}", reason=reason)


class AwakeableIdInvalid(Invalid):
    code = "invalid_id"

    def __init__(self, given: str, reason: str) -> None:
        super().__init__(f"bad awakeable id '{given}': {reason}", reason=reason)


class PathInvalid(Invalid):
    code = "invalid_path"


class ServicePathInvalid(PathInvalid):
    def __init__(self) -> None:
        super().__init__(
            "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler",
        )


class VerbPathInvalid(PathInvalid):
    def __init__(self) -> None:
        super().__init__(
            "bad path, expected /restate/call/:service/:handler, /restate/send/:service/:handler,"
            " /restate/scope/:scope/call/:service/:handler, /restate/attach/:invocation_id,"
            " /restate/output/:invocation_id, or /restate/lookup"
        )


class KeyUndecodable(PathInvalid):
    def __init__(self) -> None:
        super().__init__("bad path, cannot decode key: it is not UTF-8")


class DelayInvalid(Invalid):
    code = "invalid_delay"

    def __init__(self, problem: str) -> None:
        super().__init__(f"bad delay query parameter, must be a ISO8601 duration: {problem}")


class DelayUnsupported(Invalid):
    code = "delay_unsupported"

    def __init__(self) -> None:
        super().__init__(
            "cannot use the delay query parameter with calls. The delay is supported only with sends",
        )


class IdempotencyKeyUnsupported(Invalid):
    code = "idempotency_key_unsupported"

    def __init__(self) -> None:
        super().__init__(
            "cannot use the idempotency key with workflow handlers. The handler invocation will already be idempotent"
            " by the workflow key itself."
        )


class InputInvalid(Invalid):
    code = "invalid_input"

    def __init__(self, problem: str) -> None:
        super().__init__(f"input validation error: {problem}")


class RejectUnsupported(Invalid):
    """A user task is completed or stays open: nothing can fail at it."""

    code = "reject_unsupported"

    def __init__(self) -> None:
        super().__init__("cannot reject an awakeable: a user task cannot fail. Resolve it, or cancel the invocation")


class NotReady(Conflict):
    """The invocation goes on: `invocation` is its id."""

    code = "not_ready"

    def __init__(self, invocation: str) -> None:
        super().__init__(
            "the invocation exists but has not completed yet. It goes on: attach to it with"
            f" GET /restate/invocation/{invocation}/attach",
            invocation=invocation,
        )
        self.invocation = invocation
