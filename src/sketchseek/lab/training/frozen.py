"""Cache frozen-backbone features of partial training sketches and photos on disk.

Methods that train a small part on top of a frozen backbone compute them once (``onthefly``, ``lgrl``, ``slfir``).
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from sketchseek.lab.cache import Allocate, Arrays, cached_arrays
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import IMAGE_CODE, data_hash, photo_pixels, sketch_frames
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.network import Network

logger = logging.getLogger(__name__)

IMAGES_AT_A_TIME = 4  # to limit memory: with LGRL, each image has nine regions, too

N = TypeVar("N", bound=Network)
Encode: TypeAlias = Callable[[N, Tensor], Mapping[str, Tensor]]  # (network, uint8 images) to features by name


def frozen_features(
    network: N,
    frozen: Iterable[nn.Module],
    split: Split,
    size: int,
    steps: int,
    settings: object,
    sketch: Encode[N] | None,
    photo: Encode[N] | None = None,
) -> Arrays:
    """Compute float16 features by name, or read them from the cache.

    ``sketch(network, ink [steps, S, S])`` gives the features of a sketch at every step; the result is ``[sketches,
    steps, ...]``. ``photo(network, pixels [B, S, S, 3])`` gives those of photos; the result is ``[photos, ...]``.
    Without one of them, only the other is computed. Both are called with a copy of the network in evaluation mode with
    folded batch norms. They may only use the ``frozen`` modules and settings of the network that are listed in
    ``settings``. These are parts of the cache key, together with the data and the code of the network's package, of
    backbones, and of all modules that read and draw images.

    Raises InputError for a sketch or photo that cannot be read.
    """
    made_of = {
        "network": state_hash(*frozen),
        "settings": str(settings),
        "data": data_hash(split),
        "images": f"{size} px, {steps} steps",
    }
    package = type(network).__module__.rpartition(".")[0]
    code = (*IMAGE_CODE, "sketchseek.lab.backbones", "sketchseek.lab.methods.inputs", __name__, package)
    device = next(network.parameters()).device

    @torch.inference_mode()
    def make(allocate: Allocate) -> None:
        sketches = split.sketches if sketch is not None else ()
        photos = photo_pixels(split.photos, size) if photo is not None else ()
        logger.info("computing the features of %d sketches and %d photos, once", len(sketches), len(photos))
        folded = copy.deepcopy(network).eval()
        fold_batch_norms(folded)
        shapes: dict[str, tuple[int, ...]] = {}
        if sketch is not None:
            ink = torch.zeros(steps, size, size, dtype=torch.uint8, device=device)
            shapes |= {name: (len(split.sketches), *f.shape) for name, f in sketch(folded, ink).items()}
        if photo is not None:
            pixels = torch.zeros(1, size, size, 3, dtype=torch.uint8, device=device)
            shapes |= {name: (len(split.photos), *f.shape[1:]) for name, f in photo(folded, pixels).items()}
        arrays = allocate({name: (shape, "float16") for name, shape in shapes.items()})
        for index, item in enumerate(sketches):
            assert sketch is not None
            ink = torch.from_numpy(sketch_frames(item, steps, size)).to(device)
            for name, values in sketch(folded, ink).items():
                arrays[name][index] = values.cpu().numpy()
        if photo is not None:
            for start in range(0, len(photos), IMAGES_AT_A_TIME):
                rows = slice(start, start + IMAGES_AT_A_TIME)
                for name, values in photo(folded, torch.from_numpy(np.array(photos[rows])).to(device)).items():
                    arrays[name][rows] = values.cpu().numpy()

    return cached_arrays("features", made_of, code, make)


def in_parts(encode: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """``encode(images)``, a few images at a time, so that its memory does not grow with the frames of a sketch."""
    return torch.cat([encode(part) for part in images.split(IMAGES_AT_A_TIME)])


def state_hash(*modules: nn.Module) -> str:
    """A hash of all parameters and buffers of the modules."""
    digest = hashlib.sha256()
    for module in modules:
        for name, value in module.state_dict().items():
            array = value.detach().cpu().contiguous().numpy()
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()
