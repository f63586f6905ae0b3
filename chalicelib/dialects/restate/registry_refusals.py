"""Why nothing is told or changed of services and deployments, in Restate's words (observed on restate-server 1.7.12).

What is looked up and what is to be changed are refused in different words there, and so here.
"""

from chalicelib.core.errors import NotFound, RestartError
from chalicelib.dialects.restate.refusals import Undecodable


class ServiceUnknown(NotFound):
    code = "service_unknown"

    def __init__(self, service: str) -> None:
        super().__init__(f"The requested service '{service}' does not exist", service=service)


class ServiceUnregistered(NotFound):
    code = "service_unknown"

    def __init__(self, service: str) -> None:
        super().__init__(f"not found in the schema registry: service with name '{service}'", service=service)


class HandlerUnknown(NotFound):
    code = "handler_unknown"

    def __init__(self, service: str, handler: str) -> None:
        super().__init__(f"The requested handler '{handler}' on service '{service}' does not exist", service=service)


class DeploymentUnreadable(Undecodable):
    def __init__(self, given: str, reason: str) -> None:
        super().__init__(f"Invalid URL: Cannot parse `deployment` with value `{given}`: {reason}")


class DeploymentUnknown(NotFound):
    code = "deployment_unknown"

    def __init__(self, deployment: str) -> None:
        super().__init__(f"The requested deployment '{deployment}' does not exist", deployment=deployment)


class DeploymentUnregistered(NotFound):
    code = "deployment_unknown"

    def __init__(self, deployment: str) -> None:
        super().__init__(f"not found in the schema registry: deployment with id '{deployment}'", deployment=deployment)


class NotOffered(RestartError):
    """Ours: the real server would do it, and we cannot."""

    code = "not_offered"
