"""``sketchseek export RUN OUT``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from sketchseek.errors import InputError
from sketchseek.files import decode_json


@dataclass(frozen=True)
class Args:
    """Turn a run into a model folder that the app uses without torch. Fails unless torch and onnxruntime agree."""

    run: tyro.conf.Positional[Path]
    """The folder that `sketchseek train --out` made."""
    out: tyro.conf.Positional[Path]
    """The model folder to make; must not exist."""
    weights: Literal["float32", "float16"] = "float32"
    """How the weights are stored; float16 halves the folder and is cast back to float32 at load."""
    strategy: str | None = None
    """How the model compares features, where its method has several ways, as `evaluate --strategy`."""
    card: Path | None = None
    """A JSON file with what the card should say: name, about, and anything else worth knowing."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.lab.train_and_export import export

    card = {}
    if args.card:
        try:
            card = dict(decode_json(args.card.read_text()))
        except (OSError, TypeError, ValueError) as error:
            raise InputError(f"{args.card}: not a readable JSON object ({error})") from None
    parity = export(args.run, args.out, weights=args.weights, strategy=args.strategy, card=card)
    if args.json:
        print_json({"out": str(args.out), **vars(parity)})
    else:
        print(f"{args.out}: exported; torch and onnxruntime differ by at most {parity.feature_difference:.1e}")
    return 0
