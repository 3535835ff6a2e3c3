"""Two phases: a supervised embedding of complete sketches and photos; then that is frozen and the policy is trained."""

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
from sketchseek.lab.training.frozen import frozen_features, in_parts
from sketchseek.lab.training.loop import TRAINING_ONLY, Phase
from sketchseek.lab.training.losses import batch_triplet, info_nce
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase

PHOTOS_AT_A_TIME = 32
STATISTICS_EPISODES = 1000  # at most, evenly spaced: the episodes from which states are standardised


def phases(config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> list[Phase]:
    """The supervised phase and the phase that trains the policy.

    Raises InputError for sketches with neither strokes nor frames, and if several processes train together, because the
    policy that samples episodes is kept by one process only.
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

    return budget_phase(
        nn.ModuleList([network.backbone, network.head]),
        network.backbone,
        config.training,
        pairs.at,
        loss,
        name="supervised",
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

    reinforce = config.policy.algorithm == "reinforce"
    rate = config.policy.reinforce_rate if reinforce else config.policy.rate
    return Phase(
        name="policy",
        steps=episodes.steps,
        batch=episodes.at,
        loss=loss,
        optimizers={"policy": torch.optim.Adam(network.policy.parameters(), lr=rate)},
        schedule=lambda fraction: 1.0 if fraction < config.policy.full_rate else 0.1,
        clip=config.policy.gradient_norm,
        train_mode=nn.Module.eval,
    )


class Rollout(NamedTuple):
    """Sampled episodes."""

    states: Tensor  # [B, T, D]
    actions: Tensor  # [B, T, E]
    log_probability: Tensor  # [B, T], the log-density of the actions when they were sampled
    reward: Tensor  # [B, T]
    rank: Tensor  # [B, T], of the right photo


class Episodes:
    """Samples episodes of the training sketches from the policy, on features computed at the first step.

    If the augmentation mirrors, half of the updates use mirrored sketches and mirrored photos. As everywhere in
    training, the episodes of a step depend only on the state of the network, the seed and the step. ``reuse`` steps
    learn from the same episodes, so the policy that sampled them is part of the checkpoint.
    """

    def __init__(self, config: Config, network: OnTheFlyNetwork, pairs: TrainingPairs) -> None:
        self.config, self.network, self.pairs = config, network, pairs
        self.target = np.array([sketch.photo for sketch in pairs.split.sketches])
        self.sides = 1 if config.training.augmentation == "none" else 2
        self.reuse = config.policy.reuse if config.policy.algorithm == "ppo" else 1
        self.batch = min(config.policy.episodes, len(self.target))
        self.per_epoch = len(self.target) // self.batch
        self.steps = config.policy.epochs * self.per_epoch * self.reuse
        self.sampling_policy = copy.deepcopy(network.policy).requires_grad_(False)
        network.add_module(TRAINING_ONLY, self.sampling_policy)
        self.states: list[NDArray[np.floating]] | None = None  # [sketches, T, D] of each side
        self.photos = torch.empty(0)
        self.latest: tuple[int, Rollout] | None = None

    def at(self, step: int, device: torch.device | str = "cpu") -> Rollout:
        """The rollout of a step, on ``device``."""
        number, reused = divmod(step, self.reuse)
        if self.states is None:
            self._make_features(device)
        if step == 0:
            self._initialise_policy()
        if reused == 0:
            self.sampling_policy.load_state_dict(self.network.policy.state_dict())
        if self.latest is None or self.latest[0] != number:
            self.latest = number, self._sample(number, device)
        return self.latest[1]

    @torch.no_grad()
    def _sample(self, number: int, device: torch.device | str) -> Rollout:
        assert self.states is not None
        epoch, position = divmod(number, self.per_epoch)
        order = np.random.default_rng([self.pairs.seed, epoch]).permutation(len(self.target))
        chosen = order[position * self.batch : (position + 1) * self.batch]
        random = np.random.default_rng([self.pairs.seed, epoch, position])
        side = int(random.integers(self.sides))
        states = torch.from_numpy(self.states[side][chosen].astype(np.float32)).to(device)
        actions = self.sampling_policy.act(states, torch.Generator().manual_seed(int(random.integers(2**62))))
        target = torch.from_numpy(self.target[chosen]).to(device)
        reward, rank = outcome(self.config.policy, actions, self.photos[side], target)
        return Rollout(states, actions, self.sampling_policy.log_probability(states, actions), reward, rank)

    def _initialise_policy(self) -> None:
        """Standardise the states and, if configured, initialise the policy's mean with the supervised head.

        The head takes states at unit length, the policy takes them unnormalised. The bias is therefore scaled by the
        mean length of the states of complete sketches, whose lengths are similar.
        """
        assert self.states is not None
        head, policy = self.network.head, self.network.policy
        some = torch.from_numpy(self.states[0][:: -(-len(self.target) // STATISTICS_EPISODES)].astype(np.float32))
        policy.standardise(some.mean((0, 1)), some.var((0, 1)).mean().sqrt())
        if self.config.policy.start == "supervised":
            policy.set_mean(head.weight, head.bias * some[:, -1].norm(dim=1).mean())

    def _make_features(self, device: torch.device | str) -> None:
        """Load the states of all frames from the cache, or compute them; compute the vectors of all photos."""
        config, network = self.config, self.network

        def states(frozen: OnTheFlyNetwork, ink: Tensor) -> dict[str, Tensor]:
            return {f"side {side}": in_parts(frozen.states, ink.flip(2) if side else ink) for side in range(self.sides)}

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
