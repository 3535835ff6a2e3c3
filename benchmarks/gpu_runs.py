"""Trains and measures the rows of the result tables, group by group, and writes a result file for each.

    python benchmarks/gpu_runs.py fair-table --data DATASETS --weights mobilenet_v2.safetensors --out OUT --minutes 9

Made for a machine with a GPU; works on any other. The same command again skips what is finished and resumes what was
stopped, and no row is started once ``--minutes`` are over. DATASETS holds the data sets in the folders that GROUPS
names. Prints a line a result.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import Plan, run_training
from sketchseek.lab.measure import evaluate
from sketchseek.lab.methods import get_method
from sketchseek.lab.results import Result
from sketchseek.lab.runs import read_run

SEEDS = (0, 1, 2)
CHAIRS, SKETCHY, FACES = "chairv2:qmul-chairv2", "sketchy-10:sketchy-10", "fs2k:fs2k"
FIGURES = ("acc@1", "acc@10", "m@A", "m@B")


@dataclass(frozen=True)
class Measure:
    """One measurement of a trained network; ``suffix`` is added to the name of its result file."""

    suffix: str = ""
    query: Literal["sketch", "words", "both"] | None = None
    extract_strokes: bool = False


@dataclass(frozen=True)
class Row:
    """A run and its measurements. ``ablation`` is a row of the method's ablations, ``changes`` are overrides of the
    config. ``trunk`` and ``start`` name an earlier row of the group whose backbone, or whole network, it starts from.
    """

    name: str
    method: str
    ablation: str | None = None
    changes: dict[str, str] = field(default_factory=dict)
    preset: str = "bench"
    data: tuple[str, ...] = (CHAIRS,)
    test: str = CHAIRS
    measures: tuple[Measure, ...] = (Measure(),)
    extract_strokes: bool = False
    trunk: str = ""
    start: str = ""
    weights: str = ""  # `random`; by default the file given, or what `trunk` left


def ablations(method: str, *names: str, data: str = CHAIRS, measure: Measure | None = None) -> list[Row]:
    """A row for each of these rows of a method's ablations."""
    measures = (measure or Measure(),)
    return [Row(f"{method}-{name}", method, name, data=(data,), test=data, measures=measures) for name in names]


def own_backbone(method: str) -> Row:
    """A short run with the paper's backbone from random weights: that it trains at all, and how fast."""
    changes = {"training.pairs": "6400", "training.epochs": "none"}
    return Row(f"{method}-own-backbone", method, changes=changes, preset="paper", weights="random")


SIAMESE = Row("siamese-bench", "siamese")
POLICIES = ("ppo", "reciprocal", "reinforce", "reinforce-local", "supervised")
STAGED = [
    SIAMESE,
    *(Row(f"onthefly-{name}", "onthefly", name, trunk="siamese-bench") for name in POLICIES),
    Row("lgrl", "lgrl", trunk="siamese-bench"),
]
LONG = {"size": "160", "training.pairs": "256000", "training.batch": "64"}
DRAWN = Measure(extract_strokes=True)
QUERIES = tuple(Measure(f"-{query}", query, extract_strokes=True) for query in ("sketch", "words", "both"))
JOINT = (CHAIRS, SKETCHY, "sketchy-125:sketchy-125", "synthetic")

GROUPS: dict[str, list[Row]] = {
    # Every method on MobileNetV2 from ImageNet's weights, ChairV2, the same budget
    "fair-table": [
        *STAGED,
        *ablations("siamese", "batch-all", "triplet"),
        *ablations("csr", "S1", "S3", "S9"),
        Row("mlrm", "mlrm"),
        Row("tcnet", "tcnet"),
        Row("la", "la"),
        Row("dla", "dla"),
        Row("slfir", "slfir"),
        *ablations("arnet", "basic", "mstr"),
    ],
    # The general encoder: long, on everything, then on each test set
    "default-model": [
        Row("general", "siamese", changes=LONG, data=JOINT),
        Row("general-chairs", "siamese", start="general"),
        Row("general-sketchy-10", "siamese", data=(SKETCHY,), test=SKETCHY, start="general"),
    ],
    "ablations": [
        *ablations("mlrm", *(f"S{n}" for n in range(1, 11)), "levels-2-3"),
        *ablations("csr", *(f"S{n}" for n in range(1, 10))),
    ],
    # Stage 2 at the papers' full length
    "stage-2": [
        SIAMESE,
        Row("onthefly-long", "onthefly", changes={"policy.epochs": "2000"}, trunk="siamese-bench"),
        Row("lgrl-long", "lgrl", changes={"head_epochs": "500"}, trunk="siamese-bench"),
    ],
    "faces": [
        Row("siamese", "siamese", data=(FACES,), test=FACES, measures=(DRAWN,), extract_strokes=True),
        Row("slfir", "slfir", data=(FACES,), test=FACES, measures=(DRAWN,)),
        Row("fvlp", "fvlp", data=(FACES,), test=FACES, measures=QUERIES),
        *ablations("slfir", "frame", "replaces", "stage-1", data=FACES, measure=DRAWN),
        *ablations("fvlp", "unit-sum", "sketch-only", "no-matching", data=FACES, measure=DRAWN),
    ],
    "own-backbones": [own_backbone("mlrm"), own_backbone("csr"), own_backbone("lgrl"), own_backbone("arnet")],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--weights", type=Path, required=True, help="MobileNetV2's ImageNet weights, .safetensors")
    parser.add_argument("--out", type=Path, required=True, help="the folder for runs/ and results/")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start nothing after this long")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument(
        "--set", type=_change, action="append", default=[], metavar="KEY=VALUE", help="change every config, for a trial"
    )
    args = parser.parse_args()

    ends = time.monotonic() + 60 * args.minutes
    for seed in args.seeds:
        for row in GROUPS[args.group]:
            if time.monotonic() > ends:
                print("the time is over; give the same command again to go on")
                return 0
            try:
                make(row, seed, args)
            except InputError as error:
                print(f"{row.name}: {error}", file=sys.stderr)
                return 2
    return 0


def make(row: Row, seed: int, args: argparse.Namespace) -> None:
    """Train and measure a row with a seed, where that is not done yet."""

    def folder_of(name: str) -> Path:
        return args.out / "runs" / (name if seed == 0 else f"{name}-seed-{seed}")

    folder = folder_of(row.name)
    if not ((folder / "run.json").exists() and read_run(folder).finished):
        method = get_method(row.method)
        plan = Plan(
            method,
            override(method.config(row.preset, row.ablation), row.changes | dict(args.set)),
            row.preset,
            row.ablation,
            seed,
            weights=str(folder_of(row.trunk)) if row.trunk else row.weights or str(args.weights),
            start=folder_of(row.start) if row.start else None,
            extract_strokes=row.extract_strokes,
        )
        torch.compiler.reset()  # graphs compiled for the rows before would count towards the compiler's limit
        run_training(plan, [open_dataset(_located(name, args.data)) for name in row.data], folder)
    for measure in row.measures:
        path = args.out / "results" / row.test.partition(":")[0] / f"{folder.name}{measure.suffix}.json"
        if path.exists():
            result = Result.read(path)
        else:
            result = evaluate(
                folder,
                _located(row.test, args.data),
                query=measure.query,
                extract_strokes=measure.extract_strokes,
                checkpoints=True,
                name=path.stem,
            )
            result.write(path)
        figures = "  ".join(
            f"{name} {result.figures[name]:.1f}" for name in FIGURES if result.figures[name] is not None
        )
        run = read_run(folder)
        print(f"{result.name}: {figures}  {run.minutes} minutes, {run.pairs_per_second} pairs/s", flush=True)


def _change(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("write KEY=VALUE")
    return key, value


def _located(data: str, root: Path) -> str:
    """`NAME:FOLDER` with the folder where the data sets are; a data set that is generated needs none."""
    name, colon, folder = data.partition(":")
    return f"{name}:{root / folder}" if colon else name


if __name__ == "__main__":
    raise SystemExit(main())
