"""Make an account's first API key, straight in a stage's table: over the API, a key takes a key.

    python -m local.deploy.first_key --stage prod --account acme

Whoever runs this may write to the keys table with credentials of AWS. It shows the key's secret once.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from chalicelib.core.access import AccountInvalid, Scope
from chalicelib.core.ids import AccountId
from chalicelib.service.access import Access
from chalicelib.stores.calls import Calls
from chalicelib.stores.keys import KeyStore
from chalicelib.stores.tables import connect
from chalicelib.wiring import Machine


def make(stage: str, region: str, account: str, name: str, machine: Machine) -> str:
    """Make a key that may do everything, and answer its secret; raise `AccountInvalid`."""
    calls = Calls(connect(stage, region), machine.pause, machine.jitter)
    access = Access(KeyStore(calls), machine.now, machine.new_id, machine.new_secret)
    return access.create(AccountId(account), name, frozenset(Scope), "live", None)[1]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--account", required=True, help="whose key it is; made by this, if it is new")
    parser.add_argument("--name", default="first", help="what the list of keys calls it")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"))  # noqa: TID251 - as the AWS CLI does
    options = parser.parse_args(arguments)
    if not options.region:
        parser.error("--region, or AWS_REGION, must say where the stage is")
    try:
        print(make(options.stage, options.region, options.account, options.name, Machine()))
    except AccountInvalid as error:
        parser.error(error.message)


if __name__ == "__main__":
    main(sys.argv[1:])
