"""Compare a cold start's import of the app with the least that a function on this stack does, from one bundle.

    python -m bench.cold_start dev      out/dev, which `make package` has made

The least: Chalice, botocore, and its clients of DynamoDB and SQS, compiled and stripped as ours. Each is done in
processes of its own, by turns, with nothing of this machine's libraries; what is compared is CPU time.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

ROUNDS = 9
MOST = 2.8  # what is left is told in docs/decisions/0011-one-way-in-and-a-compiled-bundle.md
TIMED = """
import sys, time
sys.path.insert(0, sys.argv[1])
begun = time.process_time()
{work}
print(time.process_time() - begun)
"""
APP = "import app"
LEAST = """
import chalice.app
from botocore.session import Session
session = Session()
for name in ("dynamodb", "sqs"):
    session.create_client(name, region_name="us-east-1", aws_access_key_id="nobody", aws_secret_access_key="nothing")
"""


def seconds(work: str, task: str) -> float:
    command = [sys.executable, "-I", "-S", "-c", TIMED.format(work=work), task]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(stage: str) -> int:
    bundle = Path(__file__).parent.parent / "out" / stage / "deployment.zip"
    with tempfile.TemporaryDirectory() as task, zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(task)
        rounds = [(seconds(APP, task), seconds(LEAST, task)) for _ in range(ROUNDS)]
    app, least = (median(times) for times in zip(*rounds, strict=True))
    print(f"bundle     {bundle.stat().st_size / 1e6:.2f} MB")
    print(
        f"cold start import of app {app * 1000:.0f} ms of CPU, the least {least * 1000:.0f} ms: {app / least:.2f} times"
    )
    return 0 if app / least <= MOST else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
