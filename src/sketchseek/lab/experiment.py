"""One training run, from data to run folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from sketchseek.errors import InputError
from sketchseek.files import explain_write_errors
from sketchseek.lab import provenance
from sketchseek.lab.backbones import SavedWeights, Weights
from sketchseek.lab.config import config_hash, from_dict, to_dict
from sketchseek.lab.datasets import hold_out, split_hash
from sketchseek.lab.datasets.base import NO_PHOTO, Dataset, Split, merge
from sketchseek.lab.datasets.pixels import photo_pixels
from sketchseek.lab.datasets.recovered import with_strokes
from sketchseek.lab.datasets.traced import with_traced_sketches
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.calibration import calibrate
from sketchseek.lab.evaluation.evaluate import default_query, evaluate, matching_helps
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.methods import Method, get_method
from sketchseek.lab.network import FittedNetwork, MatchingNetwork, Network
from sketchseek.lab.runs import Minutes, Run, TrainingData, TrainingPart, read_run, write_run
from sketchseek.lab.training.loop import CHECKPOINT, save_network, train
from sketchseek.lab.training.precision import usable_precision

logger = logging.getLogger(__name__)

# Below so many validation photos the ranking among them is too coarse to choose a checkpoint by: the last epoch counts.
ENOUGH_VALIDATION_PHOTOS = 50
VALIDATION_SKETCHES = 400
EPISODE_STEPS = 10  # at which a network that is for partial sketches is validated
FITTED_PHOTOS = 2000


@dataclass(frozen=True)
class Plan:
    """What one run is: with the same plan an unfinished folder is resumed, with another it is refused."""

    method: Method
    config: Any
    preset: str
    row: str | None
    seed: int
    weights: str
    start: Path | None
    init: Path | None = None  # weights that the method's authors published
    extract_strokes: bool = False  # of drawings that are images; methods for partial sketches always do


def run_training(
    plan: Plan,
    datasets: Sequence[Dataset],
    out: Path,
    report: Callable[[int, int, dict[str, float]], None] = lambda done, total, values: None,
) -> Run:
    """Train, or resume, into ``out`` and return the contents of ``run.json``. Of several processes that train together
    the first writes them; what the others return is not finished.

    A data set of photos alone is trained with sketches traced from them. Networks for partial sketches are trained and
    validated on drawings by strokes; those of drawings that are images are recovered. Raises InputError where ``out``
    holds another run or a finished one, and for data without training pairs.
    """
    from accelerate import PartialState

    first = PartialState(cpu=not torch.cuda.is_available()).is_main_process
    datasets = [with_traced_sketches(d) for d in datasets]
    held_out = [hold_out(d.train) for d in datasets]
    run = _describe(plan, datasets, held_out)
    if first:
        _refuse_another(out, run)
    logger.info("building the network")
    torch.manual_seed(plan.seed)
    network = plan.method.build(plan.config, read_weights("random" if plan.start or plan.init else plan.weights))
    if plan.init:
        plan.method.initialise(network, plan.init)
    if plan.start:
        source, _ = load_network(plan.start)
        try:
            network.load_state_dict(source.state_dict())
        except RuntimeError as error:
            raise InputError(
                f"{plan.start}: its network has another shape than this config's; use the same config"
            ) from error
    partial = network.for_partial_sketches
    if partial or plan.extract_strokes:
        logger.info("recovering strokes of drawings that are images")
        held_out = [(with_strokes(t), with_strokes(v)) for t, v in held_out]
    logger.info("reading photos and sketches")
    config = with_length_in_pairs(plan.config, [t for t, _ in held_out])
    pairs = plan.method.pairs(config, [t for t, _ in held_out], plan.seed)
    phases = plan.method.phases(config, network, pairs)
    # The folder is made only now, when weights, data and method have proved usable.
    if first:
        with explain_write_errors(out, "give --out another folder"):
            out.mkdir(parents=True, exist_ok=True)
            write_run(out, run)
    validation = _bounded(merge([v for _, v in held_out]))

    def validate(network: Network) -> dict[str, float]:
        encoder = TorchEncoder(network, plan.config.size)
        steps = EPISODE_STEPS if partial else 1
        figures = evaluate(encoder, validation, steps, query=default_query(encoder, validation)).figures()
        return {k: v for k, v in figures.items() if v is not None}

    criterion = "m@B" if partial else "mean_reciprocal_rank"

    progress = train(
        network,
        phases,
        out,
        seed=plan.seed,
        precision=run.precision,
        validate=validate if validation.sketches else None,
        criterion=criterion,
        report=report if first else lambda done, total, values: None,
    )
    if not first:
        return run
    photos = photo_pixels(merge([t for t, _ in held_out]).photos, plan.config.size)
    if isinstance(network, FittedNetwork):
        _fit(out, photos)
    chosen = len(validation.photos) >= ENOUGH_VALIDATION_PHOTOS and progress.best_step >= 0
    main: Literal["last", "best"] = "best" if chosen else "last"
    ends = np.cumsum([len(t.photos) for t, _ in held_out])[:-1]
    of_training = np.split(photos, ends)
    encoder, _ = load_encoder(out, main)
    logger.info("calibrating the confidence on the validation drawings")
    confidence = calibrate(encoder, [(v, photos) for (_, v), photos in zip(held_out, of_training, strict=True)])
    run = replace(
        run,
        finished=True,
        main=main,
        confidence=confidence,
        matching_helps=matching_helps(encoder, validation),
        checkpoint=(
            f"best {criterion.replace('_', ' ')} on the validation photos"
            if chosen
            else f"last step (only {len(validation.photos)} validation photos)"
            if progress.best_step >= 0
            else "as it began: no training steps"
        ),
        best_step=progress.best_step,
        minutes=round(progress.seconds / 60, 2),
        core_minutes=round(progress.core_seconds / 60, 2),
        pairs_per_second=round(config.training.pairs / max(progress.seconds, 1e-9), 2),
    )
    write_run(out, run)
    (out / CHECKPOINT).unlink(missing_ok=True)
    return run


def with_length_in_pairs(config: Any, splits: Sequence[Split]) -> Any:
    """The config of a method with the length of training in pairs, for these training splits."""
    paired = [sketch.photo for split in splits for sketch in split.sketches if sketch.photo != NO_PHOTO]
    photos = sum(len({sketch.photo for sketch in split.sketches} - {NO_PHOTO}) for split in splits)
    return replace(config, training=config.training.in_pairs(photos, len(paired)))


def _fit(out: Path, photos: NDArray[np.uint8]) -> None:
    """Let the networks that training left take from training photos what no step has taught them: ``fit(photos uint8
    [n, S, S, 3])``. At most 2000 photos, evenly spaced ones of more.
    """
    chosen = photos[:: -(-len(photos) // FITTED_PHOTOS)]
    for checkpoint in ("last", "best"):
        if (out / f"{checkpoint}.safetensors").exists():
            network = load_network(out, checkpoint)[0].to("cuda" if torch.cuda.is_available() else "cpu")
            assert isinstance(network, FittedNetwork)
            network.fit(chosen)
            save_network(out / f"{checkpoint}.safetensors", network)


def _describe(plan: Plan, datasets: Sequence[Dataset], held_out: Sequence[tuple[Split, Split]]) -> Run:
    weights, before = _first_weights(plan)
    return Run(
        method=plan.method.slug,
        preset=plan.preset,
        row=plan.row,
        seed=plan.seed,
        config=to_dict(plan.config),
        config_hash=config_hash(plan.config),
        weights=weights,
        before=before,
        precision=usable_precision(plan.config.training.precision),
        data=tuple(
            TrainingData(dataset.slug, dataset.variant, _part(train), _part(validation), plan.extract_strokes)
            for dataset, (train, validation) in zip(datasets, held_out, strict=True)
        ),
        code=provenance.code(),
        libraries=provenance.libraries(),
        machine=provenance.machine(),
        command=provenance.command(),
    )


def _part(split: Split) -> TrainingPart:
    return TrainingPart(len(split.photos), len(split.sketches), split_hash(split))


def _first_weights(plan: Plan) -> tuple[str, Minutes]:
    """The weights that a run starts from, and how long training them took in runs before it."""
    source = plan.start or Path(plan.weights)
    before = Minutes()
    if plan.init:
        if not plan.init.is_file():
            raise InputError(f"{plan.init}: no such weights file")
        weights = f"{plan.init.name} ({provenance.file_hash(plan.init)})"
    elif plan.start or source.is_dir():
        run = read_run(source)
        if not run.finished:
            raise InputError(f"{source}: is not finished; run its train command again, then start from it")
        digest = provenance.file_hash(source / f"{run.main}.safetensors")
        weights = f"{'' if plan.start else 'backbone of '}{source.name} ({digest}) <- {run.weights}"
        before = run.minutes_in_all
    elif plan.weights in ("random", "pretrained"):
        weights = plan.weights
    elif source.is_file():
        weights = f"{source.name} ({provenance.file_hash(source)})"
    else:
        raise InputError(f"{plan.weights}: no such weights file, nor the folder of a run")
    return weights, before


def _refuse_another(out: Path, run: Run) -> None:
    """Check that ``out`` is free or holds this very run, unfinished."""
    if not (out / "run.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out}: is not empty and holds no run; give --out a new folder")
        return
    there = read_run(out)
    if there.finished:
        raise InputError(f"{out}: holds a finished run; give --out a new folder, or delete this one")
    same = ("method", "seed", "weights", "data")
    changed = [key for key in same if getattr(there, key) != getattr(run, key)]
    # Not compared as JSON, because a run of an earlier version lacks keys that have been added since.
    kind = get_method(run.method).config_type
    if not changed and from_dict(kind, there.config) != from_dict(kind, run.config):
        changed = ["config"]
    if changed:
        raise InputError(f"{out}: holds an unfinished run with another {changed[0]}; give --out a new folder")


def _bounded(split: Split) -> Split:
    """At most 400 validation sketches, so that validation stays a small part of a run; which ones depends on the
    data alone.
    """
    if len(split.sketches) <= VALIDATION_SKETCHES:
        return split
    chosen = np.sort(np.random.default_rng(0).permutation(len(split.sketches))[:VALIDATION_SKETCHES])
    return replace(split, sketches=tuple(split.sketches[i] for i in chosen))


def load_network(folder: Path, checkpoint: str | None = None) -> tuple[Network, Run]:
    """The trained network of a run in evaluation mode, and the run. ``checkpoint`` is ``last``, ``best`` or the
    run's main one. It does not match words and photos where that did not help on the validation photos, or where
    it was trained without words.
    """
    run = read_run(folder)
    method = get_method(run.method)
    network = method.build(from_dict(method.config_type, run.config))
    path = folder / f"{checkpoint or run.main}.safetensors"
    if not path.exists():
        raise InputError(f"{path}: not there; the run did not finish, run the same train command again to resume it")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: does not fit the run's config; train again") from error
    if isinstance(network, MatchingNetwork) and (run.matching_helps is False or network.tokenizer is None):
        network.can_match = False
    return network.eval(), run


def load_encoder(folder: Path, checkpoint: str | None = None, strategy: str | None = None) -> tuple[TorchEncoder, Run]:
    """As ``load_network``, as an encoder, which compares by a ``strategy`` of the network. Batch norms are folded as in
    the exported model: the same features up to rounding, in half the time.
    """
    network, run = load_network(folder, checkpoint)
    fold_batch_norms(network)
    return TorchEncoder(network, run.config["size"], strategy), run


def read_weights(weights: str) -> Weights:
    """The first weights of a backbone: ``random`` and ``pretrained`` as they are, a local ``.safetensors`` file of the
    library's network, or the folder of a run. Raises InputError for a file that is missing or broken.
    """
    if weights == "random":
        return "random"
    if weights == "pretrained":
        return "pretrained"
    source = Path(weights)
    if source.is_dir():
        return SavedWeights(source, load_network(source)[0].state_dict(), of_run=True)
    if not source.is_file():
        raise InputError(f"{source}: no such weights file")
    try:
        return SavedWeights(source, load_file(source))
    except SafetensorError as error:
        raise InputError(f"{source}: cannot be read as weights ({error}); get the file anew") from None
