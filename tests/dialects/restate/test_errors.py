import json

import pytest

from chalicelib.core.access import Scope, ScopeMissing, Unauthenticated
from chalicelib.core.errors import Busy, Throttled
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.refusals import (
    DefinitionNotFound,
    EntryOutOfRange,
    JournalGone,
    KeyReused,
    NothingPublished,
    PrefixIncomplete,
    PrefixTooLarge,
    RunNotFound,
    SourceNotStarted,
    SourceStillRunning,
    VersionIncompatible,
    VersionNotFound,
)
from chalicelib.dialects.edge import MediaTypeUnknown, MethodUnknown, RouteUnknown
from chalicelib.dialects.json_bodies import NotJson
from chalicelib.dialects.restate.errors import write_error
from chalicelib.dialects.restate.ids import IdInvalid, read_run_id
from chalicelib.dialects.restate.refusals import (
    BatchTooLarge,
    BodyUndecodable,
    Fact,
    Operation,
    PathUndecodable,
    QueryUndecodable,
    Refused,
    telling,
    told,
    write_listed,
)
from chalicelib.dialects.restate.sql.bodies import read_query_text
from chalicelib.dialects.restate.sql.refusals import QuerySyntax, TableUnknown

RUN = RunId("01906ef8-332a-57e7-9daa-695f922f7bea")
KEY = DefinitionKey("Greeter")
SNAPSHOT = "snap_00000000000000000000000000000000"
GONE = (
    "The invocation 'inv_1' cannot be restarted because the input is not available. This indicates that the journal"
    " was already purged, or not retained at all."
)
UNSUPPORTED = (
    "Restarting the invocation 'inv_1' is not supported. Restarting workflows is not supported, and restarting"
    " invocations created using the old service protocol."
)
DEPLOYMENT = "The given deployment was not found when trying to restart as new the invocation 'inv_1'."
NO_DEPLOYMENT = "Deployment not found when restarting invocation 'inv_1'"
PREFIX = (
    "The prefix of the journal 'inv_1' up to 'from' (included) contains some Commands without respective Completions."
)
BAD_PREFIX = "Journal copy range invalid for invocation 'inv_1'"
RANGE = "The given index is out of range of currently stored journal for invocation 'inv_1'."
FIXED = (
    "The invocation 'inv_1' is still running or the deployment id is not pinned yet, deployment id cannot be changed."
)


class TestRestart:
    @pytest.mark.parametrize(
        ("error", "status", "alone", "listed"),
        [
            (
                RunNotFound(RUN),
                404,
                "The requested invocation 'inv_1' does not exist",
                "Invocation 'inv_1' not found",
            ),
            (
                SourceNotStarted(RUN),
                425,
                "The invocation 'inv_1' cannot be restarted because it's not running yet.",
                "Invocation 'inv_1' cannot be restarted because it's not running yet",
            ),
            (
                SourceStillRunning(RUN, "waiting"),
                409,
                "The invocation 'inv_1' is still running.",
                "Invocation 'inv_1' is still running",
            ),
            (
                JournalGone(RUN),
                410,
                GONE,
                "Invocation 'inv_1' cannot be restarted because the input is not available",
            ),
            (DefinitionNotFound(KEY), 400, DEPLOYMENT, NO_DEPLOYMENT),
            (NothingPublished(KEY), 400, DEPLOYMENT, NO_DEPLOYMENT),
            (VersionNotFound(KEY, "9"), 400, DEPLOYMENT, NO_DEPLOYMENT),
            (PrefixIncomplete([1]), 400, PREFIX, BAD_PREFIX),
            (EntryOutOfRange(9, 3), 400, PREFIX, BAD_PREFIX),
            (EntryOutOfRange(2**32 - 1, 3), 400, RANGE, "Journal index out of range for invocation 'inv_1'"),
        ],
    )
    def test_a_refusal_is_said_in_the_servers_words(self, error, status, alone, listed):
        refused = told(Operation.RESTART, "inv_1", error)
        answer = write_error(refused)

        assert answer.status == status
        assert answer.body == json.dumps({"message": alone, "restate_code": None}, separators=(",", ":"))
        assert write_listed(refused) == listed

    def test_a_journal_that_does_not_fit_names_the_deployment(self):
        answer = write_error(told(Operation.RESTART, "inv_1", VersionIncompatible(SNAPSHOT, 3, "odd")))

        assert answer.status == 400
        assert json.loads(answer.body)["message"] == (
            "The journal of the invocation 'inv_1' does not fit the chosen deployment 'dp_10000000000000000000000'"
            " at entry 3."
        )

    def test_what_may_be_asked_again_is_a_failure_to_route(self):
        answer = write_error(told(Operation.RESTART, "inv_1", Busy()))

        assert answer.status == 503
        assert json.loads(answer.body)["message"].startswith("Error when routing the request internally. Reason: The")

    @pytest.mark.parametrize(
        ("error", "status"), [(KeyReused(), 409), (PrefixTooLarge(9, 1), 413), (Unauthenticated(), 401)]
    )
    def test_what_the_server_has_no_words_for_is_said_in_ours(self, error, status):
        refused = told(Operation.RESTART, "inv_1", error)

        assert refused is error
        assert write_error(refused).status == status
        assert json.loads(write_error(refused).body) == {"message": error.message, "restate_code": None}
        assert write_listed(refused) == error.message

    def test_refusals_are_told_where_they_are_raised(self):
        cause = RunNotFound(RUN)
        with pytest.raises(Refused, match="'inv_1' does not exist") as refused, telling(Operation.RESTART, "inv_1"):
            raise cause

        assert refused.value.__cause__ is cause


class TestOperations:
    @pytest.mark.parametrize(
        ("operation", "fact", "status", "alone"),
        [
            (Operation.RESTART, Fact.UNSUPPORTED, 422, UNSUPPORTED),
            (Operation.RESTART, Fact.DEPLOYMENT_FIXED, 409, FIXED),
            (
                Operation.RESUME,
                Fact.NOT_STARTED,
                425,
                "The invocation 'inv_1' is either inboxed or scheduled, cannot be resumed.",
            ),
            (Operation.RESUME, Fact.COMPLETED, 409, "The invocation 'inv_1' is completed, cannot be resumed."),
            (
                Operation.RESUME,
                Fact.DEPLOYMENT_UNKNOWN,
                400,
                "The given deployment was not found when trying to resume the invocation 'inv_1'.",
            ),
            (Operation.RESUME, Fact.DEPLOYMENT_FIXED, 409, FIXED),
            (Operation.PAUSE, Fact.NOT_STARTED, 409, "The invocation 'inv_1' is not running, cannot be paused."),
            (Operation.KILL, Fact.COMPLETED, 409, "The invocation 'inv_1' was already completed."),
            (Operation.CANCEL, Fact.COMPLETED, 409, "The invocation 'inv_1' was already completed."),
            (Operation.PURGE, Fact.NOT_COMPLETED, 409, "The invocation 'inv_1' is not yet completed."),
            (Operation.PURGE_JOURNAL, Fact.NOT_COMPLETED, 409, "The invocation 'inv_1' is not yet completed."),
        ],
    )
    def test_each_has_words_of_its_own(self, operation, fact, status, alone):
        answer = write_error(Refused(operation, fact, "inv_1"))

        assert (answer.status, json.loads(answer.body)["message"]) == (status, alone)

    @pytest.mark.parametrize("operation", Operation)
    def test_none_is_done_to_what_does_not_exist(self, operation):
        answer = write_error(told(operation, "inv_1", RunNotFound(RUN)))

        assert answer.status == 404
        assert json.loads(answer.body)["message"] == "The requested invocation 'inv_1' does not exist"


class TestShapes:
    @pytest.mark.parametrize(
        ("error", "status"), [(RouteUnknown(), 404), (MethodUnknown("PATCH"), 405), (Throttled(), 429)]
    )
    def test_what_no_handler_sees_has_no_body(self, error, status):
        assert (write_error(error).status, write_error(error).body) == (status, "")

    @pytest.mark.parametrize(
        ("error", "status", "text"),
        [
            (QueryUndecodable("x: y"), 400, "Failed to deserialize query string: x: y"),
            (PathUndecodable("invocation_id"), 400, "Invalid URL: Invalid UTF-8 in `invocation_id`"),
            (NotJson("So."), 400, "Failed to parse the request body as JSON: So."),
            (MediaTypeUnknown(), 415, "Expected request with `Content-Type: application/json`"),
            (BodyUndecodable("x"), 422, "Failed to deserialize the JSON body into the target type: x"),
        ],
    )
    def test_what_cannot_be_decoded_is_told_as_text(self, error, status, text):
        answer = write_error(error)

        assert (answer.status, answer.body) == (status, text)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"

    @pytest.mark.parametrize(
        ("error", "status", "message"),
        [
            (QuerySyntax("x"), 400, "SQL error: x"),
            (TableUnknown("mytable"), 500, "Error during planning: table 'mytable' not found"),
        ],
    )
    def test_a_query_is_refused_without_a_code(self, error, status, message):
        answer = write_error(error)

        assert (answer.status, json.loads(answer.body)) == (status, {"message": message})

    def test_a_bad_id_is_a_bad_field(self):
        with pytest.raises(IdInvalid) as refused:
            read_run_id("nope")

        assert write_error(refused.value).status == 400

    def test_a_batch_has_a_most(self):
        answer = write_error(BatchTooLarge(1001))

        assert answer.status == 400
        assert json.loads(answer.body)["message"] == "Batch size 1001 exceeds maximum allowed size of 1000"

    def test_who_is_not_known_is_asked_for_a_key(self):
        assert write_error(Unauthenticated()).headers == {"WWW-Authenticate": "Bearer"}
        assert write_error(ScopeMissing(Scope.RESTART)).status == 403


class TestQueryBodies:
    def test_the_query_is_read_and_the_rest_passed_over(self):
        assert read_query_text(b'{"query": "SELECT 1", "more": 1}') == "SELECT 1"

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (b"{}", "missing field `query` at line 1 column 2"),
            (b'{\n "x": 1\n}\n', "missing field `query` at line 3 column 1"),
            (b"[]", "expected struct QueryRequest at line 1 column 2"),
            (b'{"query": 1}', "query: invalid type, expected a string at line 1 column 12"),
        ],
    )
    def test_a_body_without_one_is_undecodable(self, body, problem):
        with pytest.raises(BodyUndecodable) as refused:
            read_query_text(body)

        assert refused.value.message == f"Failed to deserialize the JSON body into the target type: {problem}"
