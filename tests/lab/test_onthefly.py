"""OnTheFly: what the policy is rewarded with, what trains it, and its two phases."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import Plan, load_network, run_training
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.onthefly import policy as policy_module
from sketchseek.lab.methods.onthefly.config import PRESETS, Config, PolicyConfig
from sketchseek.lab.methods.onthefly.policy import (
    LOCAL_REWARDS,
    Policy,
    advantage,
    clipped_loss,
    global_reward,
    inversions,
    kendall_distances,
    outcome,
    policy_gradient_loss,
)
from sketchseek.lab.training import loop
from sketchseek.lab.training.pairs import TrainingPairs

TINY = {
    "size": "64",
    "training.pairs": "16",
    "training.batch": "8",
    "training.precision": "fp32",
    "tap": "features.6",
    "policy.frames": "4",
    "policy.epochs": "2",
    "policy.episodes": "8",
    "policy.reuse": "3",
}


def settings(**changes: Any) -> PolicyConfig:
    return replace(PRESETS["bench"].policy, **changes)


def unit(*shape: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def kendall_by_pairs(first: list[float], second: list[float]) -> float:
    """The definition, a pair of photos at a time."""
    places = []
    for similarity in (first, second):
        order = sorted(range(len(similarity)), key=lambda photo: (-similarity[photo], photo))
        places.append([order.index(photo) for photo in range(len(similarity))])
    one, two = places
    pairs = [(i, j) for i in range(len(first)) for j in range(i)]
    return sum((one[i] < one[j]) != (two[i] < two[j]) for i, j in pairs) / max(len(pairs), 1)


def test_the_density_is_that_of_independent_normal_numbers() -> None:
    torch.manual_seed(1)
    policy = Policy(5, 3)
    policy.log_variance.data = torch.tensor([-1.0, 0.0, 0.7])
    states, actions = torch.randn(2, 4, 5), torch.randn(2, 4, 3)
    normal = torch.distributions.Normal(policy.mean(states), torch.exp(0.5 * policy.log_variance))
    assert torch.allclose(policy.log_probability(states, actions), normal.log_prob(actions).sum(-1), atol=1e-5)


def test_actions_have_the_mean_and_the_spread_of_the_policy() -> None:
    torch.manual_seed(1)
    policy = Policy(5, 3)
    policy.log_variance.data = torch.tensor([-2.0, 0.0, 1.0])
    states = torch.randn(5).expand(40_000, 5)
    actions = policy.act(states, torch.Generator().manual_seed(0))
    assert torch.allclose(actions.mean(0), policy.mean(states[0]), atol=0.03)
    assert torch.allclose(actions.std(0), torch.exp(0.5 * policy.log_variance), rtol=0.02)


@given(st.integers(1, 40).flatmap(lambda n: st.permutations(range(n))))
def test_inversions_are_the_pairs_out_of_order(permutation: list[int]) -> None:
    expected = sum(permutation[i] > permutation[j] for j in range(len(permutation)) for i in range(j))
    rows = torch.tensor([permutation, list(range(len(permutation))), list(range(len(permutation)))[::-1]])
    pairs = len(permutation) * (len(permutation) - 1) // 2
    assert inversions(rows).tolist() == [expected, 0, pairs]


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 12))
def test_kendall_distances_follow_the_definition_ties_included(seed: int, frames: int, photos: int) -> None:
    similarity = torch.from_numpy(np.random.default_rng(seed).integers(0, 5, (2, frames, photos)).astype(np.float32))
    measured = kendall_distances(similarity)
    assert measured.shape == (2, frames - 1)
    for episode, distances in zip(similarity.tolist(), measured.tolist(), strict=True):
        expected = [kendall_by_pairs(a, b) for a, b in itertools.pairwise(episode)]
        assert distances == pytest.approx(expected)


def test_only_a_ranking_that_changes_faster_is_punished() -> None:
    # Rankings of three photos: one swap, three swaps (the reverse), none.
    similarity = torch.tensor([[[3.0, 2, 1], [2, 3, 1], [1, 2, 3], [1, 2, 3]]])
    assert kendall_distances(similarity)[0].tolist() == pytest.approx([1 / 3, 2 / 3, 0])
    assert global_reward(similarity)[0].tolist() == pytest.approx([0, -1 / 3, 0, 0])
    assert global_reward(similarity[:, :2]).tolist() == [[0, 0]]


def test_every_reward_is_the_papers_function_of_the_rank() -> None:
    ranks = torch.tensor([1.0, 4, 9, 16])
    expected = {
        "1/rank": [1, 1 / 4, 1 / 9, 1 / 16],
        "1/sqrt(rank)": [1, 1 / 2, 1 / 3, 1 / 4],
        "-rank": [-1, -4, -9, -16],
        "rank<=1": [1, 0, 0, 0],
        "rank<=5": [1, 1, 0, 0],
        "rank<=10": [1, 1, 1, 0],
    }
    assert {name: reward(ranks).tolist() for name, reward in LOCAL_REWARDS.items()} == {
        name: pytest.approx(values) for name, values in expected.items()
    }


def test_the_outcome_is_that_of_ranking_frame_by_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(weight_local=2.0, weight_global=0.5)
    actions, photos = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(3)), unit(17, 6)
    photos[4] = photos[9]  # a tie counts against the sketch
    target = torch.tensor([0, 4, 9, 16, 2])
    whole = outcome(config, actions, photos, target)
    for episode, right in enumerate(target.tolist()):
        similarity = [(F.normalize(a, dim=0)[None] @ photos.T)[0].tolist() for a in actions[episode]]
        tau = [kendall_by_pairs(a, b) for a, b in itertools.pairwise(similarity)]
        for frame in range(4):
            rank = sum(s >= similarity[frame][right] for s in similarity[frame])
            change = max(0.0, tau[frame] - tau[frame - 1]) if 0 < frame < 3 else 0.0
            assert whole.rank[episode, frame] == rank
            assert float(whole.reward[episode, frame]) == pytest.approx(2 / rank - 0.5 * change, abs=1e-6)
    monkeypatch.setattr(policy_module, "SIMILARITIES_AT_ONCE", 4 * 17 * 2)  # two episodes at a time
    blocks = outcome(config, actions, photos, target)
    assert torch.equal(blocks.rank, whole.rank) and torch.allclose(blocks.reward, whole.reward)


def test_at_its_own_episodes_ppo_has_the_gradient_of_reinforce() -> None:
    torch.manual_seed(0)
    policy = Policy(5, 3)
    states, actions, reward = torch.randn(4, 6, 5), torch.randn(4, 6, 3), torch.rand(4, 6)
    gradients = []
    for name in ("reinforce", "ppo"):
        density = policy.log_probability(states, actions)
        if name == "ppo":
            loss = clipped_loss(density, density.detach(), reward, 0.2)
        else:
            loss = policy_gradient_loss(density, reward)
        gradients.append(torch.autograd.grad(loss, list(policy.parameters())))
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_ppo_does_not_follow_an_action_beyond_the_clip() -> None:
    now = torch.tensor([0.1, 0.3, -0.3, 0.3, -0.3], requires_grad=True)  # logarithms of the ratio
    reward = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0])
    clipped_loss(now, torch.zeros(5), reward, clip=0.2).backward()
    assert now.grad is not None
    assert (now.grad != 0).tolist() == [True, False, True, True, False]


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce"])
def test_a_policy_learns_to_rank_the_right_photo_first(algorithm: str) -> None:
    """States that hold the right photo, turned by a matrix the policy does not know."""
    config = settings(weight_global=0.0)
    generator = torch.Generator().manual_seed(0)
    photos, turn = unit(12, 8), torch.randn(8, 10, generator=generator)
    torch.manual_seed(0)
    policy = Policy(10, 8)
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    reached = []
    for _ in range(200):
        target = torch.randint(12, (16,), generator=generator)
        states = (photos[target] @ turn)[:, None] + 0.1 * torch.randn(16, 4, 10, generator=generator)
        actions = policy.act(states, generator)
        before, (reward, rank) = (
            policy.log_probability(states, actions).detach(),
            outcome(config, actions, photos, target),
        )
        for _ in range(2 if algorithm == "ppo" else 1):
            density = policy.log_probability(states, actions)
            loss = (
                clipped_loss(density, before, reward, 0.2)
                if algorithm == "ppo"
                else policy_gradient_loss(density, reward)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        reached.append(float((1 / rank).mean()))
    assert np.mean(reached[:10]) < 0.4 and np.mean(reached[-10:]) > np.mean(reached[:10]) + 0.15


def test_a_baseline_is_the_mean_of_each_frame() -> None:
    reward = torch.tensor([[0.0, 1.0, 1.0], [0.5, 0.0, 1.0]])
    assert torch.equal(advantage(settings(baseline=False), reward), reward)
    expected = torch.tensor([[-0.25, 0.5, 0], [0.25, -0.5, 0]])
    assert torch.equal(advantage(settings(baseline=True), reward), expected)


def test_states_that_are_all_the_same_have_a_mean() -> None:
    policy, states = Policy(5, 3), torch.ones(4, 5)
    policy.standardise(states.mean(0), states.var(0).mean().sqrt())
    assert policy.mean(states).isfinite().all()


def test_standardised_states_leave_the_mean_a_linear_function_of_the_states() -> None:
    torch.manual_seed(0)
    policy, head, states = Policy(5, 3), torch.nn.Linear(5, 3), 4 + torch.randn(6, 5)
    policy.standardise(states.mean(0), states.std())
    policy.set_mean(head.weight, head.bias)
    assert torch.allclose(policy.mean(states), head(states), atol=1e-5)


def test_every_row_is_a_config() -> None:
    method = get_method("onthefly")
    for row in method.rows:
        assert isinstance(method.config("bench", row), Config)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["bench", "paper"])
def test_the_rows_of_the_head_and_of_reinforce_are_what_they_say(
    preset: str, pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`supervised` measures the supervised head, whatever the preset's start; REINFORCE has its own learning rate."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    method = get_method("onthefly")
    split = open_dataset(f"folder:{pairs_folder}").train
    small = override(PRESETS["bench"], TINY)
    rates = {}
    for row in ("ppo", "reinforce", "supervised"):
        policy = replace(method.config(preset, row).policy, frames=4)
        network: Any = method.build(replace(small, policy=policy))
        pairs = TrainingPairs([split], 64, small.training, seed=0)
        (phase,) = method.phases(replace(small, policy=policy), network, pairs)[1:]
        rates[row] = phase.optimizers["policy"].param_groups[0]["lr"]
    expected = {"bench": 3e-4, "paper": 1e-3}  # of the released REINFORCE: 1e-3
    assert (rates["reinforce"], rates["supervised"]) == (expected[preset], 0)
    network.eval()
    phase.batch(0, torch.device("cpu"))
    policy_weight, head_weight = network.policy.linear.weight.flatten(), network.head.weight.flatten()
    assert F.cosine_similarity(policy_weight, head_weight, dim=0) > 0.999  # up to the scale of the states


@pytest.mark.slow
def test_the_papers_network_is_inception_with_two_heads_of_64() -> None:
    method = get_method("onthefly")
    network: Any = method.build(method.config("paper"))
    assert sum(p.numel() for p in network.backbone.parameters()) == 21_785_568
    for layer in (network.head, network.policy.linear):
        assert (layer.in_features, layer.out_features) == (2048, 64)


def test_images_without_frames_are_refused(pairs_folder: Path) -> None:
    config: Config = override(PRESETS["bench"], TINY)
    split = open_dataset(f"folder:{pairs_folder}").train
    pairs = TrainingPairs([split], 64, config.training, seed=0)
    first = replace(split.sketches[0], strokes=None, frames=(), path=Path("scan.png"))
    pairs.split = replace(split, sketches=(first, *split.sketches[1:]))
    method = get_method("onthefly")
    with pytest.raises(InputError, match=r"scan\.png: onthefly trains on partial sketches"):
        method.phases(config, method.build(config), pairs)


def plan(**changes: str) -> Plan:
    method = get_method("onthefly")
    return Plan(method, override(method.config("bench"), TINY | changes), "bench", None, 0, "random", None)


Steps = list[tuple[int, int]]


@pytest.fixture(scope="module")
def whole(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Steps]:
    """A run of ``plan()``, and the steps that it reported."""
    out, steps = tmp_path_factory.mktemp("onthefly") / "whole", Steps()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(out.parent / "cache"))
        data = [open_dataset(f"folder:{pairs_folder}")]
        run_training(plan(), data, out, lambda done, total, values: steps.append((done, total)))
    return out, steps


@pytest.mark.slow
def test_a_run_killed_within_the_policy_goes_on_as_if_it_had_not_been(
    whole: tuple[Path, Steps], pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [open_dataset(f"folder:{pairs_folder}")]
    run, steps = whole
    # 21 or so sketches that are not held out: two updates of 8 episodes an epoch, each used 3 times, after 2 steps.
    assert steps == [(step, 14) for step in range(1, 15)]
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)

    def killed(done: int, total: int, values: dict[str, float]) -> None:
        if done == 8:  # the checkpoint is of step 7: in the middle of the second rollout
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(plan(), data, tmp_path / "resumed", killed)
    run_training(plan(), data, tmp_path / "resumed")
    expected, resumed = (load_network(folder)[0].state_dict() for folder in (run, tmp_path / "resumed"))
    assert all(torch.equal(value, resumed[name]) for name, value in expected.items())
    assert not any(name.startswith("training_only") for name in expected)


@pytest.mark.slow
def test_the_second_phase_trains_the_policy_alone(
    whole: tuple[Path, Steps], pairs_folder: Path, tmp_path: Path
) -> None:
    data = [open_dataset(f"folder:{pairs_folder}")]
    run_training(plan(**{"policy.epochs": "0"}), data, tmp_path / "supervised")
    before, after = (load_network(folder)[0].state_dict() for folder in (tmp_path / "supervised", whole[0]))
    changed = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"policy"}
    log = [json.loads(line) for line in (whole[0] / "log.jsonl").read_text().splitlines()]
    assert {entry["phase"] for entry in log if "validation" in entry} == {"policy"}
