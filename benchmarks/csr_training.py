"""A training step of CSR with and without recovery, in seconds and as a ratio. Steps alternate.

Recovery adds the recovery network and, to the forward pass, nothing else: the double anchor already needs the
disordered sketches. The single anchor, which needs none, is timed beside them. No goal is set.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch

from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.methods import get_method
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.lab.training.precision import usable_precision
from sketchseek.synthetic import write_dataset

ROWS = {
    "single anchor, with fusion": {"recovery": "false", "double_anchor": "false"},
    "without recovery": {"recovery": "false"},
    "with recovery": {},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    keep_freed_memory()
    method = get_method("csr")
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "things"), args.batch + args.batch // 2, seed=0)
        split = open_dataset(f"synthetic:{folder}/things").train
        for name, changes in ROWS.items():
            config = override(method.config("bench"), changes | {"training.batch": str(args.batch)})
            network = method.build(config)
            if usable_precision("bf16") == "bf16":  # as in training
                network.forward = torch.autocast("cpu", torch.bfloat16)(network.forward)
            pairs = TrainingPairs([split], config.size, config.training, seed=0)
            (phase,) = method.phases(config, network, pairs)
            steps[name] = network, phase
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for step in range(args.steps + 1):
            for name, (network, phase) in steps.items():
                phase.train_mode(network)
                torch.manual_seed(step)
                started = time.perf_counter()
                batch = phase.batch(step, torch.device("cpu"))
                phase.loss(network, batch, 0.5)["loss"].backward()
                for optimizer in phase.optimizers.values():
                    optimizer.step()
                    optimizer.zero_grad()
                if step:  # the first one warms up
                    seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    result = {
        "batch": args.batch,
        "seconds": {name: round(value, 3) for name, value in medians.items()},
        "ratio": round(medians["with recovery"] / medians["without recovery"], 3),
    }
    if args.json:
        print(json.dumps(result))
    else:
        for name, value in medians.items():
            print(f"{name:>28}: {value:.2f} s a step of {args.batch} pairs")
        print(f"a step with recovery takes {result['ratio']:.2f} times one without")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
