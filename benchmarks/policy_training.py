"""Policy training of OnTheFly, episodes a second: all episodes of an update at once, against one sketch and one frame
after the other. Both play the same episodes with the same noise and learn from them as often, so they must arrive at
the same rewards and at the same policy. Goal: at least 20 times.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import statistics
import time
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sketchseek.lab.methods.onthefly.config import PRESETS, PolicyConfig
from sketchseek.lab.methods.onthefly.policy import LOCAL_REWARDS, Policy, advantage, clipped_loss, outcome

STATE, ACTION = 1280, 64
TOLERANCE = 1e-3


def batched(config: PolicyConfig, policy: Policy, states: Tensor, photos: Tensor, target: Tensor, seed: int) -> Tensor:
    """One rollout and what is learnt from it; the rewards ``[B, T]``."""
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.rate)
    actions = policy.act(states, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        before = policy.log_probability(states, actions)
    reward = outcome(config, actions, photos, target).reward
    better = advantage(config, reward)
    for _ in range(config.reuse):
        optimizer.zero_grad()
        clipped_loss(policy.log_probability(states, actions), before, better, config.clip).backward()
        optimizer.step()
    return reward


def plain(config: PolicyConfig, policy: Policy, states: Tensor, photos: Tensor, target: Tensor, seed: int) -> Tensor:
    """The same, a frame at a time."""
    optimizer = torch.optim.Adam(policy.parameters(), lr=config.rate)
    noise = torch.randn(*states.shape[:2], ACTION, generator=torch.Generator().manual_seed(seed))
    reward = torch.zeros(states.shape[:2])
    actions: list[list[Tensor]] = []
    before: list[list[Tensor]] = []
    with torch.no_grad():
        for episode, frames in enumerate(states):
            actions.append([])
            before.append([])
            places = []
            for frame, state in enumerate(frames):
                normal = torch.distributions.Normal(policy.mean(state), torch.exp(0.5 * policy.log_variance))
                action = normal.loc + normal.scale * noise[episode, frame]
                actions[-1].append(action)
                before[-1].append(normal.log_prob(action).sum())
                similarity = photos @ F.normalize(action, dim=0)
                rank = (similarity >= similarity[target[episode]]).sum()
                reward[episode, frame] = config.weight_local * LOCAL_REWARDS[config.reward](rank.float())
                places.append(similarity.argsort(descending=True, stable=True).argsort())
            if config.weight_global:
                tau = [_kendall(one, other) for one, other in itertools.pairwise(places)]
                for frame in range(1, len(frames) - 1):
                    reward[episode, frame] -= config.weight_global * max(0.0, tau[frame] - tau[frame - 1])
    better = advantage(config, reward)
    for _ in range(config.reuse):
        optimizer.zero_grad()
        losses = []
        for episode, frames in enumerate(states):
            for frame, state in enumerate(frames):
                normal = torch.distributions.Normal(policy.mean(state), torch.exp(0.5 * policy.log_variance))
                ratio = torch.exp(normal.log_prob(actions[episode][frame]).sum() - before[episode][frame])
                clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
                losses.append(-torch.minimum(ratio * better[episode, frame], clipped * better[episode, frame]))
        torch.stack(losses).mean().backward()
        optimizer.step()
    return reward


def _kendall(one: Tensor, other: Tensor) -> float:
    """The share of pairs that two lists of places put in another order, from the matrix of all pairs."""
    discordant = ((one[:, None] < one) != (other[:, None] < other)).sum()
    return float(discordant) / (len(one) * (len(one) - 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=265, help="of the gallery; ChairV2's training has 265")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    torch.manual_seed(0)
    preset = PRESETS["bench"].policy
    policy = Policy(STATE, ACTION)
    photos = F.normalize(torch.randn(args.photos, ACTION), dim=1)
    target = torch.randint(args.photos, (preset.episodes,))
    # Frames of a sketch resemble each other, the later the more.
    drawn = torch.linspace(0.3, 1, preset.frames)[:, None]
    states = drawn * torch.rand(preset.episodes, 1, STATE) + 0.2 * torch.rand(preset.episodes, preset.frames, STATE)
    result: dict[str, dict[str, float]] = {}
    for name, config in {"1/rank": replace(preset, weight_global=0.0), "1/rank and global": preset}.items():
        seconds: dict[str, list[float]] = {"batched": [], "plain": []}
        for repeat in range(args.repeats + 1):
            rewards, policies = [], []
            for kind, update in (("batched", batched), ("plain", plain)):
                learner = copy.deepcopy(policy)
                started = time.perf_counter()
                rewards.append(update(config, learner, states, photos, target, repeat))
                if repeat:  # the first one warms up
                    seconds[kind].append(time.perf_counter() - started)
                policies.append(learner.linear.weight.detach() - policy.linear.weight.detach())
            for one, other in (rewards, policies):
                if (difference := float((one - other).norm() / one.norm())) > TOLERANCE:
                    raise SystemExit(f"batched and plain training differ by {difference:.1e}")
        speeds = {kind: preset.episodes / statistics.median(values) for kind, values in seconds.items()}
        result[name] = {
            **{kind: round(speed, 1) for kind, speed in speeds.items()},
            "ratio": round(speeds["batched"] / speeds["plain"], 1),
        }
    if args.json:
        print(json.dumps(result))
    else:
        for name, values in result.items():
            print(
                f"{name}: {values['batched']:.0f} episodes a second at once, {values['plain']:.1f} in a loop, "
                f"{values['ratio']:.1f} times"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
