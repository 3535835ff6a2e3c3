"""The training loop of every method: phases, several optimisers, float32 or bfloat16, one process or many, resumable.

A step depends only on the state and (seed, phase, step): batch, augmentation and dropout use a random generator seeded
by these. So a resumed run continues exactly as if it had not been interrupted. Several processes share the steps of a
phase: each takes different batches, and together they process the same batches as a single one would.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from sketchseek.errors import InputError
from sketchseek.files import delete_leftovers, replace_file
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.network import Network

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKPOINTS = 60
VALIDATIONS = 10  # per phase
CHECKPOINT = "checkpoint.safetensors"
VALIDATION = "validation "  # prefix of the names of validation metrics among the reported values
# The name under which an objective adds a module to the network that is used in training only, such as a classifier of
# the training photos. It is saved in checkpoints, but not in the networks that a finished run leaves.
TRAINING_ONLY = "training_only"


@dataclass(frozen=True)
class Phase:
    """A part of a method's training.

    ``batch(step, device)`` gives the batch of a step. ``loss(network, batch, fraction)`` gives named scalars, of which
    ``"loss"`` is minimised; ``fraction`` (0..1) of the phase is done, for schedules of the method. Every optimiser
    makes a step each time, with its learning rates multiplied by ``schedule(fraction)``. ``clip`` limits the gradient
    norm of each optimiser's parameters. ``train_mode(network)`` sets the training mode and may freeze parts; by default
    the whole network is trained. ``validated`` is false to skip validation, if the encoder is trained in a later phase.
    """

    name: str
    steps: int
    batch: Callable[[int, torch.device], Any]
    loss: Callable[[nn.Module, Any, float], dict[str, Tensor]]
    optimizers: dict[str, Optimizer]
    schedule: Callable[[float], float]
    clip: float | None = None
    train_mode: Callable[[nn.Module], Any] = nn.Module.train
    validated: bool = True


@dataclass
class Progress:
    """The progress of a run.

    ``seconds`` is the wall time spent in training steps, summed over all resumed parts. It includes computing cached
    features, but not validation. ``core_seconds`` is the CPU time of this process in these steps, which is the better
    measure of cost on a shared machine.
    """

    phase: int = 0
    step: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0
    best: float = -1.0
    best_step: int = -1


def train(
    network: Network,
    phases: list[Phase],
    folder: Path,
    *,
    seed: int,
    precision: str,
    validate: Callable[[Network], dict[str, float]] | None = None,
    criterion: str = "mean_reciprocal_rank",
    report: Callable[[int, int, dict[str, float]], None] = lambda done, total, values: None,
) -> Progress:
    """Train ``network`` in place and return the final progress.

    Writes ``log.jsonl``, ``checkpoint.safetensors``, ``last.safetensors`` and, with ``validate``, the network with the
    best ``criterion`` as ``best.safetensors`` to ``folder``. If there is a checkpoint, training is resumed.
    ``report(done, total, values)`` is called after every step; it counts the steps of all phases. ``values`` are those
    of the loss and, every tenth of a phase, the validation metrics, their names after ``VALIDATION``. Raises InputError
    for a loss that is not finite.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedDataParallelKwargs, set_seed

    keep_freed_memory()
    AcceleratorState._reset_state()  # a run before this one in the same process may have had another precision
    accelerator = Accelerator(
        mixed_precision="no" if precision == "fp32" else precision,
        cpu=not torch.cuda.is_available(),
        # The phases of a method train different parts of its network.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    set_seed(seed)
    optimizers = [(f"{i}.{name}", o) for i, p in enumerate(phases) for name, o in p.optimizers.items()]
    checkpoint = folder / CHECKPOINT
    progress = load_checkpoint(checkpoint, network, optimizers) if checkpoint.exists() else Progress()
    log = _Log(folder / "log.jsonl", progress, write=accelerator.is_main_process)
    peaks = {name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in optimizers}
    prepared = accelerator.prepare(network)
    prepared_optimizers = {name: accelerator.prepare(optimizer) for name, optimizer in optimizers}
    # Compiling takes a minute. In bfloat16 it makes training at least a quarter faster on the CPUs tested; in float32
    # it does not.
    compiles = precision == "bf16" and network.compiles
    if compiles and accelerator.device.type == "cpu" and shutil.which("g++"):
        logger.info("compiling the network, which makes the first steps slow")
        prepared.compile()

    steps_of = [-(-phase.steps // accelerator.num_processes) for phase in phases]
    steps_before, steps_in_all = sum(steps_of[: progress.phase]), sum(steps_of)
    saved_at = time.monotonic()
    for index in range(progress.phase, len(phases)):
        phase = phases[index]
        logger.info("phase %s, %d steps", phase.name, steps_of[index] - progress.step)
        active = {name: o for name, o in prepared_optimizers.items() if name.startswith(f"{index}.")}
        steps = steps_of[index]
        every = max(1, -(-steps // VALIDATIONS))
        for step in range(progress.step, steps):
            started, core_started = time.monotonic(), time.process_time()
            phase.train_mode(prepared)
            fraction = step / steps
            torch.manual_seed(_mix(seed, index, step, accelerator.process_index))
            batch = phase.batch(step * accelerator.num_processes + accelerator.process_index, accelerator.device)
            # The network's forward pass uses the run's precision, but losses are computed in float32: with a
            # temperature of 0.005, cosines in bfloat16 would be too inaccurate.
            values = phase.loss(prepared, batch, fraction)
            if not torch.isfinite(values["loss"]):
                raise InputError(f"{folder}: the loss is not a number at step {step}; lower the learning rate")
            accelerator.backward(values["loss"])
            for name, optimizer in active.items():
                for group, peak in zip(optimizer.param_groups, peaks[name], strict=True):
                    group["lr"] = peak * phase.schedule(fraction)
                if phase.clip:
                    accelerator.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], phase.clip)
                optimizer.step()
                optimizer.zero_grad()
            progress.step = step + 1
            numbers = {name: float(value.detach()) for name, value in values.items()}
            progress.seconds += time.monotonic() - started
            progress.core_seconds += time.process_time() - core_started
            log({"phase": phase.name, "step": step + 1, **numbers, "seconds": round(progress.seconds, 2)}, progress)
            ends = step + 1 == steps
            if validate and phase.validated and accelerator.is_main_process and (ends or (step + 1) % every == 0):
                figures = _validate(network, validate, criterion, index, phase, progress, log, folder)
                numbers |= {f"{VALIDATION}{name}": value for name, value in figures.items()}
            report(steps_before + step + 1, steps_in_all, numbers)
            if not ends and time.monotonic() - saved_at > SECONDS_BETWEEN_CHECKPOINTS and accelerator.is_main_process:
                save_checkpoint(checkpoint, network, optimizers, progress)
                saved_at = time.monotonic()
        steps_before += steps
        progress.phase, progress.step = index + 1, 0
        if accelerator.is_main_process:
            save_checkpoint(checkpoint, network, optimizers, progress)
    if accelerator.is_main_process:
        save_network(folder / "last.safetensors", network)
    accelerator.wait_for_everyone()
    return progress


def _validate(
    network: Network,
    validate: Callable[[Network], dict[str, float]],
    criterion: str,
    index: int,
    phase: Phase,
    progress: Progress,
    log: _Log,
    out: Path,
) -> dict[str, float]:
    figures = validate(network)
    log({"phase": phase.name, "step": progress.step, "validation": figures}, progress)
    if figures[criterion] > progress.best:
        progress.best, progress.best_step = figures[criterion], progress.step
        save_network(out / "best.safetensors", network)
    return figures


def save_network(path: Path, network: nn.Module) -> None:
    """Write the network's state atomically, without modules used in training only."""
    state = {k: v for k, v in network.state_dict().items() if not k.startswith(f"{TRAINING_ONLY}.")}
    _save({k: v.detach().cpu().contiguous() for k, v in state.items()}, path, {})


def save_checkpoint(
    path: Path, network: nn.Module, optimizers: list[tuple[str, Optimizer]], progress: Progress
) -> None:
    """Write network, optimisers and progress atomically as one safetensors file (no pickle)."""
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    for name, optimizer in optimizers:
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                tensors[f"optimizer.{name}.{parameter}.{key}"] = torch.as_tensor(value)
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    _save(tensors, path, {"progress": json.dumps(vars(progress))})


def load_checkpoint(path: Path, network: nn.Module, optimizers: list[tuple[str, Optimizer]]) -> Progress:
    """Restore a checkpoint. Raises InputError if the file is damaged or belongs to another configuration."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            progress = Progress(**json.loads(file.metadata()["progress"]))
        network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")})
        for name, optimizer in optimizers:
            prefix = f"optimizer.{name}."
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(prefix):
                    parameter, field = key.removeprefix(prefix).split(".", 1)
                    state.setdefault(int(parameter), {})[field] = value
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: cannot resume from this checkpoint; delete the run folder and start anew") from error
    return progress


def _save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    delete_leftovers(path)  # of runs that were killed, which may be hundreds of megabytes
    try:
        with replace_file(path) as unfinished:
            save_file(tensors, unfinished, metadata)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: could not be written ({error}); free some space and run the same command again"
        ) from error


def _mix(*numbers: int) -> int:
    """Combine several numbers into one 63-bit seed, without the collisions of a sum."""
    mixed = 0
    for number in numbers:
        mixed = (mixed * 6364136223846793005 + number + 1442695040888963407) % 2**63
    return mixed


class _Log:
    """A JSON-lines log; lines beyond the step that a resumed run starts at are dropped."""

    def __init__(self, path: Path, progress: Progress, write: bool) -> None:
        self.path, self.write = path, write
        if not write:
            return
        kept = []
        if path.exists():
            for line in path.read_text().splitlines():
                with contextlib.suppress(ValueError, KeyError):  # a killed run may leave an incomplete line
                    entry = json.loads(line)
                    if (entry["at"][0], entry["at"][1]) <= (progress.phase, progress.step):
                        kept.append(line)
        path.write_text("".join(line + "\n" for line in kept))

    def __call__(self, entry: dict[str, Any], progress: Progress) -> None:
        if self.write:
            with self.path.open("a") as file:
                file.write(json.dumps({"at": [progress.phase, progress.step], **entry}) + "\n")
