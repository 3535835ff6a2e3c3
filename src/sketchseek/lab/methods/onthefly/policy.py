"""The policy, what it is rewarded with, and the two objectives that train it (section 3 of the paper).

An episode is a sketch as it grew, T frames; an action is the embedding of one frame, before it is scaled to unit
length. All of it works on whole batches of episodes: B episodes, T frames, D numbers a state, E an action, G photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.methods.onthefly.config import PolicyConfig, Reward

CELLS = 2**20  # similarities of frames and photos that are ranked at a time, for the sake of memory

LOCAL_REWARDS: dict[Reward, Callable[[Tensor], Tensor]] = {
    "1/rank": lambda rank: 1 / rank,
    "1/sqrt(rank)": lambda rank: rank**-0.5,
    "-rank": lambda rank: -rank,
    "rank<=1": lambda rank: (rank <= 1).float(),
    "rank<=5": lambda rank: (rank <= 5).float(),
    "rank<=10": lambda rank: (rank <= 10).float(),
}


class Policy(nn.Module):
    """Actions are normally distributed about ``mean(states [..., D])``, ``[..., E]``, independently in each of the E
    numbers, with a variance that is learnt and the same for all states; it starts at 1.

    The mean is a linear function of the states, written in terms of standardised ones, which the paper's are not: what
    pooled features have in common is larger than what sets them apart, so on them as they are every step moves all
    actions together.
    """

    def __init__(self, states: int, actions: int) -> None:
        super().__init__()
        self.linear = nn.Linear(states, actions)
        self.log_variance = nn.Parameter(torch.zeros(actions))
        self.register_buffer("centre", torch.zeros(states))
        self.register_buffer("scale", torch.ones(()))
        self.centre: Tensor
        self.scale: Tensor

    def mean(self, states: Tensor) -> Tensor:
        mean: Tensor = self.linear((states - self.centre) / self.scale)
        return mean

    @torch.no_grad()
    def standardise(self, centre: Tensor, scale: Tensor) -> None:
        """See states ``[..., D]`` about ``centre [D]`` and in units of ``scale`` from now on; of states that are all
        the same, whose scale is 0, in units of 1.
        """
        self.centre.copy_(centre)
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    @torch.no_grad()
    def become(self, weight: Tensor, bias: Tensor) -> None:
        """Let the mean be ``weight @ states + bias``."""
        self.linear.weight.copy_(weight * self.scale)
        self.linear.bias.copy_(weight @ self.centre + bias)

    def log_probability(self, states: Tensor, actions: Tensor) -> Tensor:
        """The logarithm of the density of these actions, ``[...]``."""
        squared = (actions - self.mean(states)).square() * torch.exp(-self.log_variance)
        return -0.5 * (squared + self.log_variance + math.log(2 * math.pi)).sum(-1)

    @torch.no_grad()
    def act(self, states: Tensor, generator: torch.Generator) -> Tensor:
        """An action for each state, ``[..., E]``; ``generator`` is one of the CPU, whatever the device."""
        mean = self.mean(states)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        return mean + torch.exp(0.5 * self.log_variance) * noise


def advantage(config: PolicyConfig, reward: Tensor) -> Tensor:
    """What an action counts for, from rewards ``[B, T]``: the reward itself, as in the paper, or what it is above the
    mean reward of its frame in these episodes: a later frame earns more whatever it does. The gradient is the same on
    average, and far less random.
    """
    return reward - reward.mean(dim=0) if config.baseline else reward


class Outcome(NamedTuple):
    """What actions led to: the reward and the rank of the right photo, ``[B, T]`` float32 and int64."""

    reward: Tensor
    rank: Tensor


@torch.no_grad()
def outcome(config: PolicyConfig, actions: Tensor, photos: Tensor, target: Tensor) -> Outcome:
    """Rank the gallery for every action ``[B, T, E]`` and reward it.

    ``photos [G, E]`` are of unit length, ``target [B]`` says which is the right one. The reward is gamma_1 times the
    local one, of the rank, plus gamma_2 times the global one, of the change in the ranking.
    """
    frames = actions.shape[1]
    rewards, ranks = [], []
    at_a_time = max(1, CELLS // (frames * len(photos)))
    for some, right in zip(actions.split(at_a_time), target.split(at_a_time), strict=True):
        similarity = F.normalize(some, dim=2) @ photos.T
        own = similarity.gather(2, right[:, None, None].expand(-1, frames, 1))
        rank = (similarity >= own).sum(2)  # a tie counts against the sketch
        reward = config.weight_local * LOCAL_REWARDS[config.reward](rank.float())
        if config.weight_global:
            reward = reward + config.weight_global * global_reward(similarity)
        rewards.append(reward)
        ranks.append(rank)
    return Outcome(torch.cat(rewards), torch.cat(ranks))


def global_reward(similarity: Tensor) -> Tensor:
    """``-max(0, tau(L_t, L_t+1) - tau(L_t-1, L_t))`` of ``similarity [B, T, G]``, ``[B, T]``: what makes the ranking
    change more after a frame than before it is punished. 0 for the first and the last frame, which lack a neighbour.
    """
    tau = kendall_distances(similarity)
    reward = similarity.new_zeros(similarity.shape[:2])
    reward[:, 1:-1] = -(tau[:, 1:] - tau[:, :-1]).relu()
    return reward


def kendall_distances(similarity: Tensor) -> Tensor:
    """The normalised Kendall-tau distance of the rankings of consecutive frames, ``[B, T, G] -> [B, T - 1]``: the
    share of the pairs of photos that stand in another order, 0..1. Equal similarities rank by the photo's number.
    """
    photos = similarity.shape[2]
    order = similarity.argsort(dim=2, descending=True, stable=True)
    place = torch.empty_like(order).scatter_(2, order, torch.arange(photos, device=order.device).expand_as(order))
    moved = place[:, 1:].gather(2, order[:, :-1])
    return inversions(moved.flatten(0, 1)).view(moved.shape[:2]) / max(photos * (photos - 1) / 2, 1)


def inversions(permutations: Tensor) -> Tensor:
    """How many pairs stand out of order in each row of ``[n, G]``, permutations of 0..G-1; ``[n]`` int64.

    Places and numbers are cut into sqrt(G) blocks each. Pairs within a block of places are compared, then those within
    a block of numbers, and of the other pairs only how many numbers each two blocks share matters. So a row takes
    G sqrt(G) comparisons, not G^2, all of them at once.
    """
    rows, length = permutations.shape
    side = math.isqrt(length - 1) + 1
    place = torch.arange(side**2, device=permutations.device)
    # Numbers that stand in order behind all others fill the last block.
    numbers = torch.cat([permutations, place[length:].expand(rows, -1)], dim=1)
    places = torch.empty_like(numbers).scatter_(1, numbers, place.expand_as(numbers))
    within = _inversions_within_blocks(numbers.view(rows, side, side))
    # Pairs of the same block of places have been counted: there, the blocks of their places are equal.
    within = within + _inversions_within_blocks((places // side).view(rows, side, side))
    cell = place // side * side + numbers // side
    shared = torch.zeros_like(numbers).scatter_add_(1, cell, torch.ones_like(numbers)).view(rows, side, side)
    later = shared.sum(1, keepdim=True) - shared.cumsum(1)
    later_and_lower = later.cumsum(2) - later
    return within + (shared * later_and_lower).sum((1, 2))


def _inversions_within_blocks(blocks: Tensor) -> Tensor:
    """Pairs of ``[n, blocks, m]`` of which the one that stands first is the larger, summed over the blocks, ``[n]``."""
    blocks = blocks.to(torch.int32)
    stands_first = torch.ones(blocks.shape[2], blocks.shape[2], dtype=torch.bool, device=blocks.device).triu(1)
    return ((blocks[..., :, None] > blocks[..., None, :]) & stands_first).sum((1, 2, 3))


def policy_gradient_loss(log_probability: Tensor, advantage: Tensor) -> Tensor:
    """REINFORCE: minus the mean of ``advantage * log_probability``, both ``[B, T]``. No discount."""
    return -(advantage * log_probability).mean()


def clipped_loss(log_probability: Tensor, before: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """PPO with clipping and without a critic: minus the mean of ``min(r A, clip(r, 1 - eps, 1 + eps) A)`` (Schulman et
    al. 2017, eq. 7), all ``[B, T]``; r is the ratio of the probabilities now and ``before``, A the advantage.
    """
    ratio = torch.exp(log_probability - before)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
