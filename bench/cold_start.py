"""Compare what cold starts load with the least that a function on this stack does, from one bundle.

    python -m bench.cold_start dev      out/dev, which `make package` has made

The least: Chalice, botocore, and its clients of DynamoDB and SQS, compiled and stripped as ours. Each is done in
processes of its own, by turns, as a function's, with nothing of this machine's libraries; what is compared is CPU time.
The import of app is what every function begins with. Below it stand imports of all that is then loaded, on top, by a
function's first message, or by its first request: what all requests need, and the dialect whose path it has.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import app

ROUNDS = 9
MOST = 1.25  # what is left is told in docs/decisions/0013-what-a-cold-start-loads.md
MOST_IN_ALL = 2.5
TIMED = """
import sys, time
sys.path.insert(0, sys.argv[1])
begun = time.process_time()
{work}
print(time.process_time() - begun)
"""
ON_LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "reprise", "_HANDLER": "app.front_door", "REPRISE_STAGE": "dev"}
LEAST = """
import chalice.app
from botocore.session import Session
session = Session()
for name in ("dynamodb", "sqs"):
    session.create_client(name, region_name="us-east-1", aws_access_key_id="nobody", aws_secret_access_key="nothing")
"""
APP = "import app"
ASKED = "import app; from chalicelib import wiring; app.edge.route_of({path!r})"
FIRST: Mapping[str, str] = {
    "message": "import app, chalicelib.service.deliveries, chalicelib.workers",
    **{
        f"request to {mount.load().name}, {mount.prefixes[0]}": ASKED.format(path=mount.prefixes[0])
        for mount in app.MOUNTS
    },
}


def seconds(work: str, task: str) -> float:
    command = [sys.executable, "-I", "-S", "-c", TIMED.format(work=work), task]
    environment = {**os.environ, **ON_LAMBDA}  # noqa: TID251 - for a process of its own
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def medians(works: Mapping[str, str], bundle: Path) -> dict[str, float]:
    """Answer the CPU (ms) that each work takes."""
    with tempfile.TemporaryDirectory() as task, zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(task)
        rounds = [{name: seconds(work, task) for name, work in works.items()} for _ in range(ROUNDS)]
    return {name: median(times[name] for times in rounds) * 1000 for name in works}


def main(stage: str) -> int:
    bundle = Path(__file__).parent.parent / "out" / stage / "deployment.zip"
    taken = medians({"least": LEAST, "app": APP, **FIRST}, bundle)
    times = {name: took / taken["least"] for name, took in taken.items()}
    print(f"bundle     {bundle.stat().st_size / 1e6:.2f} MB")
    print(
        f"cold start import of app {taken['app']:.0f} ms of CPU, the least {taken['least']:.0f} ms:"
        f" {times['app']:.2f} times"
    )
    for name in FIRST:
        print(f"           … and what a first {name} loads: {taken[name]:.0f} ms, {times[name]:.2f} times")
    return 0 if times["app"] <= MOST and max(times.values()) <= MOST_IN_ALL else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
