"""The runs of the tables, in groups: trains each, measures it and writes its result file.

    python benchmarks/gpu_runs.py fair-table --data DATASETS --weights mobilenet_v2.safetensors --out OUT --minutes 9

Made for a machine with a GPU; they work on any other. The same command again leaves alone what is finished and goes on
with what was stopped, and nothing is begun once ``--minutes`` are over. DATASETS holds the data sets in the folders
that RUNS names. Prints a line a result.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

from sketchseek.cli import main as sketchseek

SEEDS = (0, 1, 2)
CHAIRS, SKETCHY, FACES = "chairv2:qmul-chairv2", "sketchy-10:sketchy-10", "fs2k:fs2k"
FIGURES = ("acc@1", "acc@10", "m@A", "m@B")


@dataclass(frozen=True)
class Run:
    """``train`` are further arguments of `sketchseek train`; each of ``evaluate`` is the suffix of a result's name and
    the further arguments of `evaluate`. ``trunk`` and ``start`` name the run before it in the group whose backbone, or
    whole network, it begins with.
    """

    name: str
    method: str
    train: tuple[str, ...] = ()
    data: tuple[str, ...] = (CHAIRS,)
    test: str = CHAIRS
    evaluate: tuple[tuple[str, ...], ...] = (("",),)
    trunk: str = ""
    start: str = ""
    weights: str = ""  # `random`; otherwise the file given, or what `trunk` left


def rows(method: str, *names: str, data: str = CHAIRS, evaluate: tuple[str, ...] = ()) -> list[Run]:
    """A run for each of these rows of a method's ablations."""
    return [Run(f"{method}-{row}", method, ("--row", row), (data,), data, (("", *evaluate),)) for row in names]


def own_backbone(method: str, *changes: str) -> Run:
    """A short run with the paper's backbone from random weights: that it trains at all, and how fast."""
    sets = tuple(word for change in ("training.pairs=6400", *changes) for word in ("--set", change))
    return Run(f"{method}-own-backbone", method, ("--preset", "paper", *sets), weights="random")


SIAMESE = Run("siamese-bench", "siamese")
POLICIES = ("ppo", "reciprocal", "reinforce", "reinforce-local", "supervised")
STAGED = [
    SIAMESE,
    *(Run(f"onthefly-{row}", "onthefly", ("--row", row), trunk="siamese-bench") for row in POLICIES),
    Run("lgrl", "lgrl", trunk="siamese-bench"),
]
MANY = ("--set", "size=160", "--set", "training.pairs=256000", "--set", "training.batch=64")
DRAWN, QUERIES = ("--extract-strokes",), ("sketch", "words", "both")
JOINT = (CHAIRS, SKETCHY, "sketchy-125:sketchy-125", "synthetic")

RUNS: dict[str, list[Run]] = {
    # Every method on MobileNetV2 from ImageNet's weights, ChairV2, the same budget
    "fair-table": [
        *STAGED,
        *rows("siamese", "batch-all", "triplet"),
        *rows("csr", "S1", "S3", "S9"),
        Run("mlrm", "mlrm"),
        Run("tcnet", "tcnet"),
        Run("la", "la"),
        Run("dla", "dla"),
        Run("slfir", "slfir"),
        *rows("arnet", "basic", "mstr"),
    ],
    # The general encoder: long, on everything, then on each test set
    "default-model": [
        Run("general", "siamese", MANY, JOINT),
        Run("general-chairs", "siamese", start="general"),
        Run("general-sketchy-10", "siamese", (), (SKETCHY,), SKETCHY, start="general"),
    ],
    "ablations": [
        *rows("mlrm", *(f"S{n}" for n in range(1, 11)), "levels-2-3"),
        *rows("csr", *(f"S{n}" for n in range(1, 10))),
    ],
    # Stage 2 at the papers' full length
    "stage-2": [
        SIAMESE,
        Run("onthefly-long", "onthefly", ("--set", "policy.epochs=2000"), trunk="siamese-bench"),
        Run("lgrl-long", "lgrl", ("--set", "head_epochs=500"), trunk="siamese-bench"),
    ],
    "faces": [
        Run("siamese", "siamese", DRAWN, (FACES,), FACES, (("", *DRAWN),)),
        Run("slfir", "slfir", (), (FACES,), FACES, (("", *DRAWN),)),
        Run("fvlp", "fvlp", (), (FACES,), FACES, tuple((f"-{q}", *DRAWN, "--query", q) for q in QUERIES)),
        *rows("slfir", "frame", "replaces", "stage-1", data=FACES, evaluate=DRAWN),
        *rows("fvlp", "unit-sum", "sketch-only", "no-matching", data=FACES, evaluate=DRAWN),
    ],
    "own-backbones": [own_backbone("mlrm"), own_backbone("csr"), own_backbone("lgrl"), own_backbone("arnet")],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=RUNS)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--weights", type=Path, required=True, help="MobileNetV2's ImageNet weights, .safetensors")
    parser.add_argument("--out", type=Path, required=True, help="the folder for runs/ and results/")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so many")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--set", action="append", default=[], help="change a value of every config, for a trial")
    args = parser.parse_args()

    ends = time.monotonic() + 60 * args.minutes
    for seed in args.seeds:
        for run in RUNS[args.group]:
            if time.monotonic() > ends:
                print("the time is over; give the same command again to go on")
                return 0
            code = make(run, seed, args)
            if code:
                return code
    return 0


def make(run: Run, seed: int, args: argparse.Namespace) -> int:
    """Train and measure a run with a seed, where that is not done yet; the exit code of what failed."""

    def folder_of(name: str) -> Path:
        return args.out / "runs" / (name if seed == 0 else f"{name}-seed-{seed}")

    folder = folder_of(run.name)
    if not _finished(folder):
        weights = folder_of(run.trunk) if run.trunk else run.weights or args.weights
        changes = [word for change in args.set for word in ("--set", change)]
        begin = ["--start", str(folder_of(run.start))] if run.start else ["--weights", str(weights)]
        data = [word for name in run.data for word in ("--data", _located(name, args.data))]
        command = ["train", run.method, *data, *begin, *run.train, *changes, "--seed", str(seed), "--out", str(folder)]
        if code := sketchseek(command):
            return code
    for suffix, *further in run.evaluate:
        result = args.out / "results" / run.test.partition(":")[0] / f"{folder.name}{suffix}.json"
        if not result.exists():
            test = _located(run.test, args.data)
            if code := sketchseek(["evaluate", str(folder), "--data", test, "--result", str(result), *further]):
                return code
        report(result, folder)
    return 0


def report(result: Path, folder: Path) -> None:
    figures = json.loads(result.read_text())["figures"]
    trained = json.loads((folder / "run.json").read_text())
    values = "  ".join(f"{name} {figures[name]:.1f}" for name in FIGURES if figures.get(name) is not None)
    print(f"{result.stem}: {values}  {trained['minutes']} minutes, {trained['pairs_per_second']} pairs/s")


def _finished(folder: Path) -> bool:
    return (folder / "run.json").exists() and json.loads((folder / "run.json").read_text())["finished"]


def _located(data: str, root: Path) -> str:
    """`NAME:FOLDER` with the folder where the data sets are; a data set that is made needs none."""
    name, colon, folder = data.partition(":")
    return f"{name}:{root / folder}" if colon else name


if __name__ == "__main__":
    raise SystemExit(main())
