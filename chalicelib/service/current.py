"""A run as of now, where its head may tell of an earlier moment."""

from chalicelib.core.json_values import Variables
from chalicelib.core.replay import replay
from chalicelib.core.runs import Run
from chalicelib.service.definitions import Definitions
from chalicelib.stores.runs import RunStore


def current_variables(run: Run, definitions: Definitions, runs: RunStore) -> Variables:
    """Answer a run's variables: a live one's are those of its journal, for its head has them as of its last wait."""
    if run.status.is_ended:
        return run.variables
    definition = definitions.of(run).definition
    return replay(definition, run.start, runs.journal(run)).variables
