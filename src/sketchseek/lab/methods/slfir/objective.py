"""Stage 1 on complete sketches, stage 2 on what the frozen trunk makes of all partial ones."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from sketchseek.lab.cache import Arrays
from sketchseek.lab.methods.slfir.config import Config
from sketchseek.lab.methods.slfir.network import SLFIRNetwork
from sketchseek.lab.training.frozen import frozen_features
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs

Sequences = tuple[Tensor, Tensor]  # frames [B, T, D] and photos [B, D], as the trunk sees them


def phases(config: Config, network: SLFIRNetwork, pairs: TrainingPairs) -> list[Phase]:
    """The two stages."""

    def complete(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = trained(batch.ink, batch.photos)
        return {"loss": objective(config, sketches[:, None], photos)}

    def partial_sketches(trained: nn.Module, batch: Sequences, fraction: float) -> dict[str, Tensor]:
        frames, photos = trained(*batch, of_trunk=True)
        return {"loss": objective(config, frames, photos)}

    # Cached by stage 2's first step, when stage 1 is over: the trunk has learnt by then what it will.
    features = cache(partial(trunk_features, config, network, pairs))

    def sequences(step: int, device: torch.device) -> Sequences:
        return sequences_at(step, features(), pairs, device)

    training = config.training
    stage_1 = Phase(
        name="complete sketches",
        steps=training.steps,
        batch=pairs.at,
        loss=complete,
        optimizers={"all": build_optimizer(body_and_new(network, network.backbone, training), training)},
        schedule=schedule(training.schedule),
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
        train_mode=nn.Module.eval,  # the trunk's batch statistics stay as stage 1 left them
    )
    return [stage_1, stage_2]


def objective(config: Config, frames: Tensor, photos: Tensor) -> Tensor:
    """The configured loss of unit vectors ``[B, T, E]`` of sketches at every step and ``[B, E]`` of their photos, all
    different: the mean over the steps. The triplet loss of stage 2 is a sum over the batch in the released code, which
    the optimiser, Adam, does not feel.
    """
    if config.objective == "infonce":
        losses = [info_nce(step, photos, config.temperature) for step in frames.unbind(1)]
    else:
        # A random other photo of the batch is a random other photo of the training set, and never the right one.
        losses = [batch_triplet(step, photos, config.margin, naive=True) for step in frames.unbind(1)]
    return torch.stack(losses).mean()


def sequences_at(step: int, features: Arrays, pairs: TrainingPairs, device: torch.device) -> Sequences:
    """The batch of a step of stage 2: photos that are all different, with one sketch each, at random.

    Half of the batches hold every frame, as in evaluation; the others some of them, the last always. So the encoder
    meets drawings that grow in fewer and larger steps, down to a complete sketch that is all there is.
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
    """What the trunk computes of every training photo, ``{"photo": [photos, D]``, and of every training sketch at every
    step, ``"sketch": [sketches, T, D]}``, from the cache or into it.
    """
    return frozen_features(
        network,
        (network.backbone, network.attention),
        pairs.split,
        config.size,
        config.steps,
        settings=(config.polarity, config.normalisation),
        sketch=lambda frozen, ink: {"sketch": frozen.trunk(frozen.inputs.sketches(ink))},
        photo=lambda frozen, photos: {"photo": frozen.trunk(frozen.inputs.photos(photos))},
    )
