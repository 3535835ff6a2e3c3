"""A triplet loss of energies, with the energy held near the squared L2 distance, trained in one phase."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sketchseek.lab.methods.dssa.config import Config
from sketchseek.lab.methods.dssa.network import DSSA
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase


def phases(config: Config, network: DSSA, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget."""

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        energies, distance = trained(batch.ink, batch.photos)
        triplet = energy_triplet(energies, config.margin)
        return {"loss": triplet + config.regularisation * distance, "triplet": triplet, "regularisation": distance}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def energy_triplet(energies: Tensor, margin: float) -> Tensor:
    """Mean over sketches of ``relu(margin + E(s, p) - E(s, n))`` for energies ``[B, B]``, pairs on the diagonal.

    n is the photo of another pair of the batch. Batches are random, so n is a random other photo of the training set.
    """
    others = energies.roll(-int(torch.randint(1, len(energies), ())), 1).diagonal()
    return (margin + energies.diagonal() - others).relu().mean()
