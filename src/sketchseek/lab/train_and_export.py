"""Train a method and export a run, by plain arguments, for commands and programs. Torch is imported when they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sketchseek.errors import InputError, explain_missing_modules
from sketchseek.files import StrPath, as_path
from sketchseek.lab.config import override
from sketchseek.lab.datasets import Dataset, open_datasets
from sketchseek.lab.methods import get_method
from sketchseek.lab.runs import Run

if TYPE_CHECKING:
    from sketchseek.lab.export import Parity


@explain_missing_modules()
def train(
    method: str,
    data: str | Dataset | Sequence[str | Dataset],
    out: StrPath,
    *,
    preset: str = "bench",
    row: str | None = None,
    changes: Mapping[str, object] | None = None,
    weights: StrPath = "pretrained",
    start: StrPath | None = None,
    init: StrPath | None = None,
    extract_strokes: bool = False,
    seed: int = 0,
    progress: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Run:
    """Train a method on one or several data sets, into the run folder ``out``.

    The same call resumes an interrupted run. ``method`` is a slug, ``data`` as ``open_dataset`` takes it. The config is
    that of the ``preset`` (``bench`` or ``paper``) and a ``row`` of the paper's ablations, with ``changes`` of single
    values, e.g. ``{"training.pairs": 20_480}``.

    ``weights`` are the first weights of the backbone: ``pretrained`` on ImageNet (downloaded once), ``random``, a local
    ``.safetensors`` file, or the folder of a finished run. Instead, ``start`` is a run whose whole network is trained
    further, and ``init`` a file of weights that the method's authors published. ``extract_strokes`` recovers strokes
    from sketches that are images. ``progress(step, steps, values)`` is called after
    training steps with the losses and, now and then, the validation figures; what else is going on is logged.

    Returns the contents of ``out/run.json``. Raises InputError for arguments and data that cannot be used, and where
    ``out`` holds another run or a finished one.
    """
    chosen = get_method(method)
    config = override(chosen.config(preset, row), changes or {})
    if start and init:
        raise InputError("start and init both say what to start from; give one of them")
    # Before the data is read, so that it is said at once where torch is missing.
    from sketchseek.lab.experiment import Plan, run_training

    plan = Plan(
        chosen,
        config,
        preset,
        row,
        seed,
        str(as_path(weights)),
        as_path(start) if start else None,
        as_path(init) if init else None,
        extract_strokes,
    )
    return run_training(
        plan, open_datasets(data, drawings_alone=True), as_path(out), progress or (lambda step, steps, values: None)
    )


@explain_missing_modules()
def export(
    run: StrPath,
    out: StrPath,
    *,
    weights: Literal["float32", "float16"] = "float32",
    strategy: str | None = None,
    card: Mapping[str, Any] | None = None,
) -> Parity:
    """Turn the run folder ``run`` into the model folder ``out``, which the app uses without torch.

    With ``float16`` the weights take half the space; they are converted back to float32 when the model is loaded.
    ``strategy`` is how the model compares features, where its method has several ways (``Network.strategies``).
    ``card`` is the content of the model card: ``name`` (by default that of the run folder), ``about``, and any other
    JSON values; how the run was trained is added. Returns how closely onnxruntime repeats torch.

    Raises InputError, and leaves no folder, where ``out`` already exists, where ``run`` is no finished run, or where
    onnxruntime disagrees with torch (which computes with the weights as they are stored) on a fixed set of sketches and
    photos: the ten best photos of a sketch differ, ties aside, or a feature differs by more than 1e-3.
    """
    from sketchseek.lab.export import export_run

    return export_run(as_path(run), as_path(out), card, weights, strategy)
