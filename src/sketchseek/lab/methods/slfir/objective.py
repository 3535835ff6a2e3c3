"""Two phases: stage 1 on complete sketches, stage 2 on the frozen trunk's features of all partial sketches."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from sketchseek.lab.cache import Arrays
from sketchseek.lab.methods.slfir.config import Config
from sketchseek.lab.methods.slfir.network import SLFIRNetwork
from sketchseek.lab.training.frozen import frozen_features, in_parts
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce
from sketchseek.lab.training.optimizers import build_optimizer, schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase

Sequences = tuple[Tensor, Tensor]  # the trunk's features of frames [B, T, D] and of photos [B, D]


def phases(config: Config, network: SLFIRNetwork, pairs: TrainingPairs) -> list[Phase]:
    """The two stages."""

    def complete(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = trained(batch.ink, batch.photos)
        return {"loss": objective(config, sketches[:, None], photos)}

    def partial_sketches(trained: nn.Module, batch: Sequences, fraction: float) -> dict[str, Tensor]:
        frames, photos = trained(*batch, of_trunk=True)
        return {"loss": objective(config, frames, photos)}

    # Computed at stage 2's first step, when the training of the trunk is finished.
    features = cache(partial(trunk_features, config, network, pairs))

    def sequences(step: int, device: torch.device) -> Sequences:
        return sequences_at(step, features(), pairs, device)

    training = config.training
    stage_1 = budget_phase(
        network,
        network.backbone,
        training,
        pairs.at,
        complete,
        name="complete sketches",
        validated=not config.sequences,
    )
    if not config.sequences:
        return [stage_1]
    parts = [*network.head.parameters(), *network.temporal.parameters()]
    group = {"params": parts, "lr": config.rate, "weight_decay": training.weight_decay}
    stage_2 = Phase(
        name="partial sketches",
        steps=round(config.sequences * training.steps),
        batch=sequences,
        loss=partial_sketches,
        optimizers={"temporal": build_optimizer([group], training)},
        schedule=schedule(training.schedule),
        train_mode=nn.Module.eval,  # keep the batch norm statistics of stage 1
    )
    return [stage_1, stage_2]


def objective(config: Config, frames: Tensor, photos: Tensor) -> Tensor:
    """The configured loss, mean over the steps.

    ``frames [B, T, E]`` are unit vectors of sketches at every step, ``photos [B, E]`` those of their photos, which are
    all different. In the released code the triplet loss of stage 2 is a sum over the batch, which makes no difference
    with Adam.
    """
    if config.objective == "infonce":
        losses = [info_nce(step, photos, config.temperature) for step in frames.unbind(1)]
    else:
        # The negative is a random other photo of the batch, which is a random other photo of the training set.
        losses = [batch_triplet(step, photos, config.margin, naive=True) for step in frames.unbind(1)]
    return torch.stack(losses).mean()


def sequences_at(step: int, features: Arrays, pairs: TrainingPairs, device: torch.device) -> Sequences:
    """The batch of a step of stage 2: different photos, each with one of its sketches at random.

    Half of the batches contain every frame, as in evaluation. The others contain a random subset, always with the last
    frame. So the encoder is also trained on drawings that grow in fewer, larger steps, down to a single frame.
    """
    random = np.random.default_rng([pairs.seed, 2, step])
    photo = random.permutation(pairs.drawn)[: pairs.training.batch]
    sketch = np.array([random.choice(pairs.sketches_of[p]) for p in photo])
    count = features["sketch"].shape[1]
    kept = np.arange(count)
    if random.random() < 0.5:
        kept = np.append(np.sort(random.permutation(count - 1)[: random.integers(count)]), count - 1)
    frames = np.array(features["sketch"][sketch], dtype=np.float32)[:, kept]
    photos = np.array(features["photo"][photo], dtype=np.float32)
    return torch.from_numpy(frames).to(device), torch.from_numpy(photos).to(device)


def trunk_features(config: Config, network: SLFIRNetwork, pairs: TrainingPairs) -> Arrays:
    """The trunk's features of all training photos and of all training sketches at every step, cached.

    Returns ``{"photo": [photos, D], "sketch": [sketches, T, D]}``.
    """
    return frozen_features(
        network,
        (network.backbone, network.attention),
        pairs.split,
        config.size,
        config.steps,
        settings=(config.polarity, config.normalisation),
        sketch=lambda frozen, ink: {"sketch": in_parts(lambda part: frozen.trunk(frozen.inputs.sketches(part)), ink)},
        photo=lambda frozen, photos: {"photo": frozen.trunk(frozen.inputs.photos(photos))},
    )
