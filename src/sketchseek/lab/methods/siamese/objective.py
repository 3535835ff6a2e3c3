"""The baseline's three losses, trained in one phase."""

from __future__ import annotations

from torch import Tensor, nn

from sketchseek.lab.methods.siamese.config import Config
from sketchseek.lab.methods.siamese.network import SiameseNetwork
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase


def phases(config: Config, network: SiameseNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget."""

    def loss(network: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = network(batch.ink, batch.photos)
        return {"loss": objective(config, sketches["vector"], photos["vector"])}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def objective(config: Config, sketches: Tensor, photos: Tensor) -> Tensor:
    """The configured loss of unit vectors ``[B, D]``; rows i of both are a pair, and all photos are different."""
    if config.objective == "infonce":
        return info_nce(sketches, photos, config.temperature)
    # For "triplet" the negative is a random other photo of the batch, which is a random other photo of the training
    # set, needs no extra forward pass, and never is the photo that the sketch depicts.
    return batch_triplet(sketches, photos, config.margin, naive=config.objective == "triplet")
