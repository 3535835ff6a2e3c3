"""The policy, its rewards, and the two losses that train it (section 3 of the paper).

An episode is the sequence of T frames (partial sketches) of a drawing. An action is the embedding of one frame, before
scaling to unit length. Everything works on batches: B episodes, T frames, D numbers in a state, E in an action, G
photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.methods.onthefly.config import PolicyConfig, Reward

SIMILARITIES_AT_ONCE = 2**20  # of frames and photos that are ranked at once, to limit memory

LOCAL_REWARDS: dict[Reward, Callable[[Tensor], Tensor]] = {
    "1/rank": lambda rank: 1 / rank,
    "1/sqrt(rank)": lambda rank: rank**-0.5,
    "-rank": lambda rank: -rank,
    "rank<=1": lambda rank: (rank <= 1).float(),
    "rank<=5": lambda rank: (rank <= 5).float(),
    "rank<=10": lambda rank: (rank <= 10).float(),
}


class Policy(nn.Module):
    """A diagonal normal distribution of actions ``[..., E]`` around ``mean(states [..., D])``.

    The variance is learnt, starts at 1, and is the same for all states. The mean is a linear function of standardised
    states. The paper does not standardise. But pooled features differ little from their mean, so without standardising,
    each step shifts all actions together.
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
        """From now on, subtract ``centre [D]`` from states and divide them by ``scale`` (by 1 if it is 0)."""
        self.centre.copy_(centre)
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    @torch.no_grad()
    def set_mean(self, weight: Tensor, bias: Tensor) -> None:
        """Set the mean to ``weight @ states + bias``, for states that are not standardised."""
        self.linear.weight.copy_(weight * self.scale)
        self.linear.bias.copy_(weight @ self.centre + bias)

    def log_probability(self, states: Tensor, actions: Tensor) -> Tensor:
        """The log-density of ``actions [..., E]``, ``[...]``."""
        squared = (actions - self.mean(states)).square() * torch.exp(-self.log_variance)
        return -0.5 * (squared + self.log_variance + math.log(2 * math.pi)).sum(-1)

    @torch.no_grad()
    def act(self, states: Tensor, generator: torch.Generator) -> Tensor:
        """Sample an action for each state, ``[..., E]``. ``generator`` is a CPU generator, whatever the device."""
        mean = self.mean(states)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        return mean + torch.exp(0.5 * self.log_variance) * noise


def advantage(config: PolicyConfig, reward: Tensor) -> Tensor:
    """The advantage of actions, ``[B, T]``, from their rewards ``[B, T]``.

    It is the reward itself, as in the paper, or, with a baseline, the reward minus the mean reward of the same frame in
    these episodes. Later frames get higher rewards whatever the action, so the baseline reduces the variance of the
    gradient; its expectation is the same.
    """
    return reward - reward.mean(dim=0) if config.baseline else reward


class Outcome(NamedTuple):
    """The results of actions."""

    reward: Tensor  # [B, T] float32
    rank: Tensor  # [B, T] int64, of the right photo


@torch.no_grad()
def outcome(config: PolicyConfig, actions: Tensor, photos: Tensor, target: Tensor) -> Outcome:
    """Rank the gallery for every action ``[B, T, E]`` and reward it.

    ``photos [G, E]`` have unit length; ``target [B]`` are the indices of the right ones. The reward is gamma_1 times
    the local reward, a function of the rank, plus gamma_2 times the global reward, a function of changes in the
    ranking.
    """
    frames = actions.shape[1]
    rewards, ranks = [], []
    at_a_time = max(1, SIMILARITIES_AT_ONCE // (frames * len(photos)))
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
    """``-max(0, tau(L_t, L_t+1) - tau(L_t-1, L_t))`` from ``similarity [B, T, G]``, ``[B, T]``.

    It penalises frames after which the ranking changes more than before them. It is 0 for the first and the last frame.
    """
    tau = kendall_distances(similarity)
    reward = similarity.new_zeros(similarity.shape[:2])
    reward[:, 1:-1] = -(tau[:, 1:] - tau[:, :-1]).relu()
    return reward


def kendall_distances(similarity: Tensor) -> Tensor:
    """The normalised Kendall-tau distance between rankings of consecutive frames, ``[B, T, G] -> [B, T - 1]``.

    This is the share (0..1) of pairs of photos whose order differs. Ties are broken by the index of the photo.
    """
    photos = similarity.shape[2]
    order = similarity.argsort(dim=2, descending=True, stable=True)
    place = torch.empty_like(order).scatter_(2, order, torch.arange(photos, device=order.device).expand_as(order))
    moved = place[:, 1:].gather(2, order[:, :-1])
    return inversions(moved.flatten(0, 1)).view(moved.shape[:2]) / max(photos * (photos - 1) / 2, 1)


def inversions(permutations: Tensor) -> Tensor:
    """The number of inversions in each row of ``[n, G]``, permutations of 0..G-1; ``[n]`` int64.

    Positions and numbers are divided into sqrt(G) blocks each. Pairs within a block of positions are compared directly,
    then pairs within a block of numbers. All other pairs follow from how many numbers each two blocks share. So a row
    takes G sqrt(G) comparisons instead of G^2, computed at once.
    """
    rows, length = permutations.shape
    side = math.isqrt(length - 1) + 1
    place = torch.arange(side**2, device=permutations.device)
    # Pad the last block with numbers that are larger than all others and in order, so they add no inversions.
    numbers = torch.cat([permutations, place[length:].expand(rows, -1)], dim=1)
    places = torch.empty_like(numbers).scatter_(1, numbers, place.expand_as(numbers))
    within = _inversions_within_blocks(numbers.view(rows, side, side))
    # Pairs in the same block of positions, counted above, are not counted again: their blocks are equal.
    within = within + _inversions_within_blocks((places // side).view(rows, side, side))
    cell = place // side * side + numbers // side
    shared = torch.zeros_like(numbers).scatter_add_(1, cell, torch.ones_like(numbers)).view(rows, side, side)
    later = shared.sum(1, keepdim=True) - shared.cumsum(1)
    later_and_lower = later.cumsum(2) - later
    return within + (shared * later_and_lower).sum((1, 2))


def _inversions_within_blocks(blocks: Tensor) -> Tensor:
    """The number of inversions within the blocks of ``[n, blocks, m]``, summed over the blocks, ``[n]``."""
    blocks = blocks.to(torch.int32)
    stands_first = torch.ones(blocks.shape[2], blocks.shape[2], dtype=torch.bool, device=blocks.device).triu(1)
    return ((blocks[..., :, None] > blocks[..., None, :]) & stands_first).sum((1, 2, 3))


def policy_gradient_loss(log_probability: Tensor, advantage: Tensor) -> Tensor:
    """The REINFORCE loss: minus the mean of ``advantage * log_probability``, both ``[B, T]``. No discount."""
    return -(advantage * log_probability).mean()


def clipped_loss(log_probability: Tensor, before: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The clipped PPO loss, without a critic: minus the mean of ``min(r A, clip(r, 1 - eps, 1 + eps) A)``.

    (Schulman et al. 2017, eq. 7.) Arguments are ``[B, T]``. r is the ratio of the present probability to that
    ``before``, A the advantage, eps is ``clip``.
    """
    ratio = torch.exp(log_probability - before)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()
