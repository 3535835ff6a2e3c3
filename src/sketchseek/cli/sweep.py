"""``sketchseek sweep METHOD CURVE --data DATASET[:DIR] --out DIR``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass(frozen=True)
class Args:
    """Draw a curve of a paper: train a method at every point, measure each on the test part, plot acc@1 and acc@10.

    Run the same command again after a kill and it goes on where it stopped.
    """

    method: tyro.conf.Positional[str]
    """The method's slug; `sketchseek methods` lists them."""
    curve: tyro.conf.Positional[str]
    """The curve's name, as in the method's ablations.toml, e.g. `tau`."""
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A data set as NAME:DIR, or NAME alone for ./datasets/NAME. May be given several times."""
    out: Path
    """The folder for the results: a run folder for each point of the curve, sweep.json and the pictures."""
    preset: str = "bench"
    """`bench` trains every method for equally long, to compare them; `paper` takes the paper's own values."""
    set: tyro.conf.UseAppendAction[Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE")]] = ()
    """Change one value of the config at every point, e.g. --set training.pairs=2560. May be given several times."""
    weights: str = "pretrained"
    """The backbone's first weights: `pretrained` (downloaded once), `random`, or a local .safetensors file."""
    seed: int = 0
    """The seed of every run."""
    json: bool = False
    """Print the points as JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.arguments import config_changes
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import training_progress
    from sketchseek.lab.datasets import open_datasets
    from sketchseek.lab.methods import get_method
    from sketchseek.lab.sweep import FIGURES, Sweep, run_sweep

    method = get_method(args.method)
    sweep = Sweep(method, args.curve, args.preset, config_changes(args.set), args.seed, args.weights)
    sweep.configs()  # reports a bad config before the data is read
    datasets = open_datasets(args.data)
    with training_progress(f"training {method.slug}, {args.curve}") as report:
        points = run_sweep(sweep, datasets, args.out, report).points
    if args.json:
        print_json([point.to_json() for point in points])
    else:
        print(f"{args.curve:>12}{'parameters':>14}" + "".join(f"{name:>22}" for name in FIGURES))
        for point in points:
            figures = "".join(f"{point.figures[name]:>22.2f}" for name in FIGURES)
            print(f"{point.x:>12g}{point.parameters:>14,}{figures}")
        print(f"{args.out}: sweep.png shows them")
    return 0
