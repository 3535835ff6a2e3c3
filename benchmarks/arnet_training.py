"""Images a second of a training step of ARNet, beside the bare forward and backward passes of both encoders.

A step also draws its batch, makes the augmented views, compares all embeddings and updates the weights. Bare passes see
the same images, four a pair, in the same precision, compiled as training compiles them. Both alternate, so that what
else the machine does falls on both. The goal is at least 85 %.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.methods import get_method
from sketchseek.lab.training.precision import usable_precision
from sketchseek.synthetic import write_dataset

ROWS = ("basic", "mstr")
IMAGES = 4  # a pair: sketch and photo, and another view of each


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "things"), 2 * args.batch, seed=0)
        split = open_dataset(f"synthetic:{folder}/things").train
        result = {row: measure(row, split, args.batch, args.steps, device) for row in ROWS}
    if args.json:
        print(json.dumps(result))
    else:
        for row, found in result.items():
            print(
                f"{row:>5}: {found['step']:.1f} images a second in training, {found['bare']:.1f} bare, "
                f"{found['ratio']:.0%} (goal: at least 85 %)"
            )
    return 0


def measure(row: str, split: Any, batch_size: int, steps: int, device: torch.device) -> dict[str, float]:
    """Images a second of both, and their ratio; medians over ``steps``."""
    method = get_method("arnet")
    config = override(method.config("bench", row), {"training.batch": str(batch_size)})
    network = method.build(config).to(device)
    pairs = method.pairs(config, [split], seed=0)
    (phase,) = method.phases(config, network, pairs)
    if usable_precision("bf16") == "bf16":  # as in training
        network.forward = torch.autocast(device.type, torch.bfloat16)(network.forward)
        if device.type == "cpu" and shutil.which("g++"):
            network.compile()
    images = phase.batch(0, device)

    def step(number: int) -> None:
        torch.manual_seed(number)
        phase.loss(network, phase.batch(number, device), 0.5)["loss"].backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()

    def bare(number: int) -> None:
        encoded = network(images.ink, images.photos, images.ink_views, images.photo_views)
        outputs = [tensor for domain in encoded for tensor in domain if tensor is not None]
        torch.stack([tensor.float().sum() for tensor in outputs]).sum().backward()
        network.zero_grad()

    phase.train_mode(network)
    seconds: dict[str, list[float]] = {"step": [], "bare": []}
    for number in range(steps + 2):
        for name, work in (("step", step), ("bare", bare)):
            started = time.perf_counter()
            work(number)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number > 1:  # the first two compile and warm up
                seconds[name].append(time.perf_counter() - started)
    rate = {name: round(IMAGES * batch_size / statistics.median(values), 1) for name, values in seconds.items()}
    return rate | {"ratio": round(rate["step"] / rate["bare"], 3)}


if __name__ == "__main__":
    raise SystemExit(main())
