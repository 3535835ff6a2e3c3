"""``sketchseek train METHOD --data DATASET[:DIR] --out DIR``"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Args:
    """Train a method. Run the same command again after a kill and it goes on where it stopped."""

    method: tyro.conf.Positional[str]
    """The method's slug; `sketchseek methods` lists them."""
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A data set as NAME:DIR, or NAME alone for ./datasets/NAME. May be given several times."""
    out: Path
    """The folder of the run."""
    preset: str = "bench"
    """`bench` trains every method for equally long, to compare them; `paper` takes the paper's own values."""
    row: str | None = None
    """A row of the paper's ablations, as in the method's ablations.toml."""
    set: tyro.conf.UseAppendAction[Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE")]] = ()
    """Change one value of the config, e.g. --set training.pairs=20480. May be given several times."""
    weights: str = "pretrained"
    """The backbone's initial weights: `pretrained` (downloaded once), `random`, a local .safetensors file, or the
    folder of a finished run with the same backbone that reaches at least these layers (not for `mlrm`, not from `arnet`
    or `fvlp`)."""
    start: Path | None = None
    """Start from the network of another run instead, e.g. one trained on more data."""
    init: Path | None = None
    """Start from weights that the method's authors published instead, a .pth or .safetensors file."""
    extract_strokes: bool = False
    """Train on strokes recovered from drawings that are images, as `evaluate --extract-strokes` measures."""
    seed: int = 0
    """Fixes the order of the data, the augmentation and the new parts' first weights."""
    json: bool = False
    """Print the finished run as JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.arguments import config_changes
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import training_progress
    from sketchseek.lab.train_and_export import train

    with training_progress(f"training {args.method}") as report:
        result = train(
            args.method,
            args.data,
            args.out,
            preset=args.preset,
            row=args.row,
            changes=config_changes(args.set),
            weights=args.weights,
            start=args.start,
            init=args.init,
            extract_strokes=args.extract_strokes,
            seed=args.seed,
            progress=report,
        )
    if not result.finished:  # one of several processes, and not the first, which prints
        return 0
    if args.json:
        print_json(asdict(result))
    else:
        print(f"{args.out}: trained in {result.minutes} minutes")
        print(f"measure it with `sketchseek evaluate {args.out} --data ...`")
    return 0
