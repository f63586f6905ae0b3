"""Serve the whole service on this machine until interrupted: `make serve`."""

import argparse
from threading import Event

from local.client import Client
from local.stack import DEV_KEY, EXAMPLE, ORDER, OTHER_KEY, READ_KEY, Stack

GUIDE = """\
Reprise is at {url}   (stop it with Ctrl-C; what it holds is gone then)

  {dev}    everything, account local
  {read}   read only, account local
  {other}    everything, account other

The example definition '{order}' (charge → reserve → ship) is published. Its endpoint is at {endpoint}

  KEY='Authorization: Bearer {dev}'; JSON='Content-Type: application/json'; URL={url}/ops/v1

  # let the endpoint fail at reserve, start a run, and see it fail after three attempts
  curl -s -X POST {endpoint}/fail -d '{{"step": "reserve", "status": 503}}'
  curl -s -X POST "$URL/definitions/{order}/runs" -H "$KEY" -H "$JSON" \\
       -d '{{"input": {{"order": "7", "amount": 12, "endpoint": "{endpoint}"}}}}'
  curl -s "$URL/dead-letters" -H "$KEY"

  # heal it, and restart the run from its failure: the customer is not charged again
  curl -s -X POST {endpoint}/heal
  curl -s -X POST "$URL/runs/$RUN/restart" -H "$KEY" -H "$JSON" -d '{{"start": {{"type": "from_failure"}}}}'

{workers}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="0 for a free one")
    workers_help = "off: serve HTTP only, leave queues unread"
    parser.add_argument("--workers", choices=["on", "off"], default="on", help=workers_help)
    sdk_help = "the patch number of Retab's SDK 0.0.x whose answers are given"
    parser.add_argument("--retab-sdk", type=int, default=142, help=sdk_help)
    options = parser.parse_args()
    stack = Stack(port=options.port, has_workers=options.workers == "on", retab_sdk=options.retab_sdk)
    stack.start()
    client = Client(stack.url, DEV_KEY)
    client.call("PUT", f"/ops/v1/definitions/{ORDER}", EXAMPLE)
    client.call("POST", f"/ops/v1/definitions/{ORDER}/publish")
    workers = "" if options.workers == "on" else "Workers are off: runs are accepted, and nobody works on them.\n"
    print(
        GUIDE.format(
            url=stack.url,
            endpoint=stack.endpoint.url,
            dev=DEV_KEY,
            read=READ_KEY,
            other=OTHER_KEY,
            order=ORDER,
            workers=workers,
        ),
        flush=True,
    )
    try:
        Event().wait()
    except KeyboardInterrupt:
        print("stopping")
    finally:
        stack.stop()


if __name__ == "__main__":
    main()
