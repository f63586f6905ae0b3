"""What FlowX's callers can ask for and only this dialect refuses."""

from chalicelib.core.errors import Invalid


class UuidInvalid(Invalid):
    code = "uuid_invalid"

    def __init__(self) -> None:
        super().__init__("The process instance's id must be a UUID.")


class BodyNotObject(Invalid):
    code = "body_invalid"

    def __init__(self) -> None:
        super().__init__("The body must be a JSON object.")


class InheritanceInvalid(Invalid):
    code = "inheritance_invalid"

    def __init__(self) -> None:
        super().__init__("'paramsToInherit' has either 'paramsToCopy' or 'withoutParams', each a list of names.")
