"""What many restarts have in common: an order says how, and each source is planned by it."""

from dataclasses import replace

from chalicelib.core.batches import Order
from chalicelib.core.births import Birth, Plan
from chalicelib.core.causes import Cause
from chalicelib.core.restarts import plan_restart
from chalicelib.core.runs import Run
from chalicelib.service.definitions import Definitions


def plan_order(
    definitions: Definitions, order: Order, source: Run, birth: Birth, cause: Cause, *, is_of_many: bool
) -> Plan:
    """Answer what a source becomes by an order; raise what `plan_restart` refuses."""
    version = definitions.of_snapshot(source.account, order.definition, order.snapshot, order.version)
    request = replace(order.request(source.id, cause), is_of_many=is_of_many)
    return plan_restart(request, source, (), version, birth)
