"""The baseline's losses, trained in one phase."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.siamese.config import Config
from sketchseek.lab.methods.siamese.network import SiameseNetwork
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce, quadruplet, relational_distillation
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase
from sketchseek.model import Model


def phases(config: Config, network: SiameseNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Raises InputError for a missing or damaged teacher."""
    teacher = None
    if config.distillation:
        if not config.teacher:
            raise InputError(
                "siamese: distillation needs a teacher; give a model folder that `sketchseek export` wrote, "
                "--set teacher=DIR"
            )
        teacher = Model.load(config.teacher)
    category = torch.from_numpy(pairs.category_of_photo)

    def loss(network: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = (features["vector"] for features in network(batch.ink, batch.photos))
        value = objective(config, sketches, photos, category.to(batch.photo.device)[batch.photo])
        if teacher is None:
            return {"loss": value}
        distilled = relational_distillation(sketches @ photos.T, teacher_similarities(teacher, batch).to(sketches))
        return {"loss": value + config.distillation * distilled, "objective": value, "distillation": distilled}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def objective(config: Config, sketches: Tensor, photos: Tensor, category: Tensor) -> Tensor:
    """The configured loss of unit vectors ``[B, D]``; rows i of both are a pair, and all photos are different.

    ``category [B]`` are those of the photos.
    """
    if config.objective == "infonce":
        return info_nce(sketches, photos, config.temperature, smoothing=config.smoothing)
    if config.objective == "quadruplet":
        return quadruplet(sketches, photos, category, config.margin)
    # For "triplet" the negative is a random other photo of the batch, which is a random other photo of the training
    # set, needs no extra forward pass, and never is the photo that the sketch depicts.
    return batch_triplet(sketches, photos, config.margin, naive=config.objective == "triplet")


def teacher_similarities(teacher: Model, batch: PairBatch) -> Tensor:
    """The similarities ``[B, B]`` of the batch's sketches and photos by a model, at the model's size."""
    size = (teacher.size, teacher.size)
    ink = F.interpolate(batch.ink[:, None].float(), size, mode="bilinear", antialias=True)[:, 0]
    photos = F.interpolate(batch.photos.permute(0, 3, 1, 2).float(), size, mode="bilinear", antialias=True)
    sketches = teacher.encode_sketches(list(ink.round().byte().cpu().numpy()))
    found = teacher.encode_photos(photos.permute(0, 2, 3, 1).round().byte().contiguous().cpu().numpy())
    return torch.from_numpy(teacher.matcher.similarity(sketches, teacher.matcher.prepared(found)))
