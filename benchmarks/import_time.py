"""How long ``import sketchseek`` takes, beside ``import numpy``, the first thing it would load if it were not lazy.

    python benchmarks/import_time.py [--json]

Each import is timed in fresh processes by -X importtime, in turn, so that a busy machine slows both; the medians count.
Goals: at most 60 ms, and at most half of numpy's time. The exit code says whether they were met.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

MODULES = ("sketchseek", "numpy")
ROUNDS = 15
MILLISECONDS_GOAL, RATIO_GOAL = 60.0, 0.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json

    rounds = [[milliseconds(module) for module in MODULES] for _ in range(ROUNDS + 1)][1:]  # the first fills the caches
    ours, numpy = (statistics.median(times) for times in zip(*rounds, strict=True))
    result = {"sketchseek_ms": ours, "numpy_ms": numpy, "ratio": ours / numpy}
    if as_json:
        print(json.dumps(result))
    else:
        print(f"import sketchseek: {ours:.1f} ms (goal: <= {MILLISECONDS_GOAL:.0f})")
        print(f"import numpy: {numpy:.1f} ms")
        print(f"ratio: {ours / numpy:.3f} (goal: <= {RATIO_GOAL})")
    return 0 if ours <= MILLISECONDS_GOAL and ours / numpy <= RATIO_GOAL else 1


def milliseconds(module: str) -> float:
    """The time of one import in a process of its own, with all that it imports."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    last = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()[-1]
    return float(last.split("|")[1]) / 1000


if __name__ == "__main__":
    sys.exit(main())
