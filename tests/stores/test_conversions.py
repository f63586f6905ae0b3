"""A process may have threads, of which several meet a type for the first time."""

import subprocess
import sys

RACE = """
import sys
from dataclasses import make_dataclass
from threading import Barrier, Thread
from chalicelib.stores.conversions import convert

sys.setswitchinterval(1e-6)
for _ in range(100):
    inner = make_dataclass("Inner", [(f"a{n}", int | None, None) for n in range(8)])
    outer = make_dataclass("Outer", [(f"f{n}", list[inner] | None, None) for n in range(30)])
    start = Barrier(4)

    def meet():
        start.wait()
        assert convert({"f1": [{"a1": 1}]}, outer).f1 == [inner(a1=1)]

    threads = [Thread(target=meet) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("alive")
"""


def test_threads_that_meet_a_type_at_once_do_not_crash_the_process() -> None:
    """…as msgspec does by itself, in nearly every run of this script."""
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
