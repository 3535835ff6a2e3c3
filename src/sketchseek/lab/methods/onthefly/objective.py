"""Two phases: the supervised embedding of complete sketches and photos, then, all of that frozen, the policy."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.onthefly.config import Config
from sketchseek.lab.methods.onthefly.network import OnTheFlyNetwork
from sketchseek.lab.methods.onthefly.policy import advantage, clipped_loss, outcome, policy_gradient_loss
from sketchseek.lab.training.frozen import frozen_features
from sketchseek.lab.training.loop import TRAINING_ONLY, Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs

PHOTOS_AT_A_TIME = 32
STANDARDISED_BY = 1000  # episodes at most, evenly spaced


def phases(config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> list[Phase]:
    """The supervised phase and the policy's. Raises InputError where a sketch has neither strokes nor frames, and where
    several processes train together: the policy that plays is kept by one.
    """
    if PartialState(cpu=not torch.cuda.is_available()).num_processes > 1:
        raise InputError("onthefly trains in one process; start it without a launcher")
    for sketch in pairs.split.sketches:
        if sketch.strokes is None and not sketch.frames:
            raise InputError(f"{sketch.path}: onthefly trains on partial sketches, which need strokes or frames")
    return [_supervised(config, network, pairs), _policy(config, network, pairs)]


def _supervised(config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> Phase:
    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = trained(batch.ink, batch.photos)
        if config.objective == "infonce":
            return {"loss": info_nce(sketches, photos, config.temperature)}
        return {"loss": batch_triplet(sketches, photos, config.margin, naive=True)}

    groups = body_and_new(nn.ModuleList([network.backbone, network.head]), network.backbone, config.training)
    return Phase(
        name="supervised",
        steps=config.training.steps,
        batch=pairs.at,
        loss=loss,
        optimizers={"all": build_optimizer(groups, config.training)},
        schedule=schedule(config.training.schedule),
        validated=False,  # sketches are encoded by the policy, which is not trained yet
    )


def _policy(config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> Phase:
    episodes = Episodes(config, network, pairs)

    def loss(trained: nn.Module, batch: Rollout, fraction: float) -> dict[str, Tensor]:
        log_probability = network.policy.log_probability(batch.states, batch.actions)
        better = advantage(config.policy, batch.reward)
        if config.policy.algorithm == "ppo":
            value = clipped_loss(log_probability, batch.log_probability, better, config.policy.clip)
        else:
            value = policy_gradient_loss(log_probability, better)
        return {"loss": value, "reward": batch.reward.mean(), "reciprocal rank": (1 / batch.rank).mean()}

    return Phase(
        name="policy",
        steps=episodes.steps,
        batch=episodes.at,
        loss=loss,
        optimizers={"policy": torch.optim.Adam(network.policy.parameters(), lr=config.policy.rate)},
        schedule=lambda fraction: 1.0 if fraction < config.policy.full_rate else 0.1,
        clip=config.policy.gradient_norm,
        train_mode=nn.Module.eval,
    )


class Rollout(NamedTuple):
    """Episodes that were played: states ``[B, T, D]``, actions ``[B, T, E]`` and, ``[B, T]``, the logarithm of their
    density when they were taken, their reward and the rank of the right photo.
    """

    states: Tensor
    actions: Tensor
    log_probability: Tensor
    reward: Tensor
    rank: Tensor


class Episodes:
    """Plays the training sketches with the policy, on features that are made when the first are asked for.

    Where the augmentation mirrors, half of the updates play mirrored sketches against mirrored photos. As everywhere
    in training, what is played at a step depends on the state of the network, the seed and the step alone: ``reuse``
    steps learn from the same episodes, so the policy that played them is kept in the checkpoint.
    """

    def __init__(self, config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> None:
        self.config, self.network, self.pairs = config, network, pairs
        self.target = np.array([sketch.photo for sketch in pairs.split.sketches])
        self.sides = 1 if config.training.augmentation == "none" else 2
        self.reuse = config.policy.reuse if config.policy.algorithm == "ppo" else 1
        self.batch = min(config.policy.episodes, len(self.target))
        self.per_epoch = len(self.target) // self.batch
        self.steps = config.policy.epochs * self.per_epoch * self.reuse
        self.player = copy.deepcopy(network.policy).requires_grad_(False)
        network.add_module(TRAINING_ONLY, self.player)
        self.states: list[NDArray[np.floating]] | None = None  # [sketches, T, D] of each side
        self.photos = torch.empty(0)
        self.played: tuple[int, Rollout] | None = None

    def at(self, step: int, device: torch.device | str = "cpu") -> Rollout:
        """The episodes of a step."""
        number, reused = divmod(step, self.reuse)
        if self.states is None:
            self._make_features(device)
        if step == 0:
            self._start()
        if reused == 0:
            self.player.load_state_dict(self.network.policy.state_dict())
        if self.played is None or self.played[0] != number:
            self.played = number, self._play(number, device)
        return self.played[1]

    @torch.no_grad()
    def _play(self, number: int, device: torch.device | str) -> Rollout:
        assert self.states is not None
        epoch, position = divmod(number, self.per_epoch)
        order = np.random.default_rng([self.pairs.seed, epoch]).permutation(len(self.target))
        chosen = order[position * self.batch : (position + 1) * self.batch]
        random = np.random.default_rng([self.pairs.seed, epoch, position])
        side = int(random.integers(self.sides))
        states = torch.from_numpy(self.states[side][chosen].astype(np.float32)).to(device)
        actions = self.player.act(states, torch.Generator().manual_seed(int(random.integers(2**62))))
        target = torch.from_numpy(self.target[chosen]).to(device)
        reward, rank = outcome(self.config.policy, actions, self.photos[side], target)
        return Rollout(states, actions, self.player.log_probability(states, actions), reward, rank)

    def _start(self) -> None:
        """Standardise the states and, where so configured, let the mean point where the supervised head points. That
        sees states at unit length, the policy as they are; complete sketches' are about equally long.
        """
        assert self.states is not None
        head, policy = self.network.head, self.network.policy
        some = torch.from_numpy(self.states[0][:: -(-len(self.target) // STANDARDISED_BY)].astype(np.float32))
        policy.standardise(some.mean((0, 1)), some.var((0, 1)).mean().sqrt())
        if self.config.policy.start == "supervised":
            policy.become(head.weight, head.bias * some[:, -1].norm(dim=1).mean())

    def _make_features(self, device: torch.device | str) -> None:
        """The states of all frames, from the cache where they are there, and the vectors of all photos."""
        config, network = self.config, self.network

        def states(frozen: OnTheFlyNetwork, ink: Tensor) -> dict[str, Tensor]:
            return {f"side {side}": frozen.states(ink.flip(2) if side else ink) for side in range(self.sides)}

        network.eval()
        features = frozen_features(
            network,
            (network.backbone,),
            self.pairs.split,
            config.size,
            config.policy.frames,
            settings=(config.polarity, config.normalisation, self.sides),
            sketch=states,
        )
        self.states = [features[f"side {side}"] for side in range(self.sides)]
        self.photos = torch.stack([self._photos(side, device) for side in range(self.sides)])

    @torch.no_grad()
    def _photos(self, side: int, device: torch.device | str) -> Tensor:
        vectors = []
        for start in range(0, len(self.pairs.photos), PHOTOS_AT_A_TIME):
            pixels = torch.from_numpy(np.array(self.pairs.photos[start : start + PHOTOS_AT_A_TIME])).to(device)
            vectors.append(self.network.encode_photo(pixels.flip(2) if side else pixels)["vector"])
        return torch.cat(vectors)
