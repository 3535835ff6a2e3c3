"""``sketchseek evaluate MODEL [MODEL ...] --data DATASET[:DIR]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro


@dataclass(frozen=True)
class Args:
    """Measure a model on the test part of a data set: every photo ranked for every sketch."""

    models: tyro.conf.Positional[tuple[Path, ...]]
    """A run folder (torch, float32) or an exported model folder (ONNX); `default` is the shipped model.
    Several runs of one method, each trained on drawings up to another `training.completion`, are measured as one
    system: a partial drawing is answered by the run with the lowest completion that covers it.
    """
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A data set as NAME:DIR, or NAME alone for ./datasets/NAME. Several are joined into one gallery."""
    steps: int | None = None
    """How many moments each sketch is ranked at while it grows; by default 20 if every sketch has strokes, else 1."""
    extract_strokes: bool = False
    """Recover strokes from raster sketches first, so that partial sketches exist for them too."""
    query: Literal["sketch", "words", "both"] | None = None
    """What a photo is searched by: the sketch, words (its caption, or the name of its category), or both; by default
    both where the model was trained for it and the data has captions.
    """
    relevant: Literal["photo", "category"] | None = None
    """Which photos are right for a sketch: the photo that was drawn (fine-grained, instance level), or every photo of
    its category (category level). By default the photo, where every sketch has one.
    """
    strategy: str | None = None
    """Compare the same features in another way, where a method has several, e.g. T1 to T9 (`mlrm`), cosine or l2
    (`csr`).
    """
    anywhere: bool = False
    """Place drawings as the app does, which enlarges and centres small ones; by default they lie where they were drawn,
    as in the methods' papers.
    """
    part: Literal["test", "train"] = "test"
    """Which part of the data set."""
    report: Path | None = None
    """Write a folder with the figures, pictures of the best photos, of complete sketches and as they grew, the
    rank-against-stroke curve and, of a run, what its method has to show; at category level a table of the categories
    and which are confused.
    """
    result: Path | None = None
    """Write the figures with their provenance as a result file, e.g. results/chairv2/siamese.json."""
    json: bool = False
    """Print one JSON object."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import progress
    from sketchseek.lab.measure import evaluate

    result = evaluate(
        args.models,
        args.data,
        part=args.part,
        steps=args.steps,
        query=args.query,
        relevant=args.relevant,
        strategy=args.strategy,
        as_framed=not args.anywhere,
        extract_strokes=args.extract_strokes,
        report=args.report,
        checkpoints=args.result is not None,
        name=args.result.stem if args.result else None,
        progress=progress,
    )
    if args.result:
        result.write(args.result)
    if args.json:
        print_json(result.summary())
        return 0
    for name, value in result.figures.items():
        print(f"{name:>30}  {'-' if value is None else format(value, '.2f')}")
    words = {"sketch": "", "words": ", by words", "both": ", with words"}[result.query]
    kinds = f" of {len(result.per_category)} categories" if result.per_category else ""
    placed = "as framed" if result.as_framed else "placed as in the app"
    asked = f"{result.split.queries} sketches{kinds}{words}, {placed}"
    print(f"{asked}, {result.split.gallery} photos, {result.steps} steps")
    return 0
