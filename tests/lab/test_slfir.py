"""SLFIR: the closed form, causality, the state that a live drawing carries, and its two stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import Plan, load_network, run_training
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.slfir.config import PRESETS
from sketchseek.lab.methods.slfir.network import SLFIRNetwork, build
from sketchseek.lab.methods.slfir.objective import sequences_at, trunk_features
from sketchseek.lab.methods.slfir.temporal import CausalEncoder, FrameEncoder
from sketchseek.lab.training.pairs import TrainingPairs

TINY = {"size": "64", "training.pairs": "24", "training.batch": "8", "training.precision": "fp32", "steps": "4"}


def tiny(**changes: str) -> SLFIRNetwork:
    torch.manual_seed(0)
    return build(override(PRESETS["bench"], TINY | changes)).eval()


def frames(drawings: int, steps: int) -> torch.Tensor:
    """Growing ink, uint8 ``[drawings, steps, 64, 64]``."""
    points = torch.randint(0, 64, (drawings, steps, 40, 2), generator=torch.Generator().manual_seed(1))
    ink = torch.zeros(drawings, steps, 64, 64, dtype=torch.uint8)
    for drawing in range(drawings):
        for step in range(steps):
            xy = points[drawing, : step + 1].reshape(-1, 2)
            ink[drawing, step, xy[:, 1], xy[:, 0]] = 255
    return ink


def test_the_closed_form_is_the_released_module() -> None:
    """Two bidirectional LSTM layers from zero states over sequences of one frame."""
    torch.manual_seed(0)
    first, second = nn.LSTM(32, 12, bidirectional=True), nn.LSTM(24, 4, bidirectional=True)
    module = FrameEncoder(32, hidden=12, embedding=8)
    for linear, lstm in ((module.first, first), (module.second, second)):
        weights, biases = [], []
        for direction in ("", "_reverse"):
            weight = getattr(lstm, f"weight_ih_l0{direction}")
            bias = getattr(lstm, f"bias_ih_l0{direction}") + getattr(lstm, f"bias_hh_l0{direction}")
            weights.append([weight.chunk(4)[gate] for gate in (0, 2, 3)])  # without the forget gate
            biases.append([bias.chunk(4)[gate] for gate in (0, 2, 3)])
        linear.weight.data = torch.cat([w for gate in zip(*weights, strict=True) for w in gate]).detach()
        linear.bias.data = torch.cat([b for gate in zip(*biases, strict=True) for b in gate]).detach()
    x = torch.randn(5, 7, 32)
    expected = torch.stack([second(first(x[:, [t]].transpose(0, 1))[0])[0][0] for t in range(7)], dim=1)
    torch.testing.assert_close(module(x), expected, atol=2e-7, rtol=0)


def test_a_step_knows_the_frames_before_it_and_none_after() -> None:
    torch.manual_seed(0)
    module = CausalEncoder(16, hidden=12, embedding=6)
    x = torch.randn(3, 8, 16)
    whole = module(x)
    for steps in (1, 5):
        torch.testing.assert_close(module(x[:, :steps]), whole[:, :steps])
    earlier = x.clone()
    earlier[:, 0] += 1
    assert (module(earlier)[:, 7] - whole[:, 7]).abs().max() > 1e-4  # it remembers the first frame
    state = torch.zeros(3, module.state_size)
    for t in range(8):
        embedded, state = module.step(x[:, t], state)
        torch.testing.assert_close(embedded, whole[:, t])


def test_attention_weighs_outputs_by_their_scores() -> None:
    torch.manual_seed(0)
    module = CausalEncoder(4, hidden=8, embedding=8)
    x = torch.randn(1, 5, 4)
    outputs, state = [], (torch.zeros(1, 8), torch.zeros(1, 8))
    for t in range(5):
        state = module.cell(x[:, t], state)
        outputs.append(state[0])
    stacked = torch.cat(outputs)
    weights = module.score(stacked).sigmoid()
    expected = module.project((weights * stacked).sum(0) / weights.sum(0))
    torch.testing.assert_close(module(x)[0, 4], expected)


@pytest.mark.parametrize("temporal", ["causal", "frame"])
def test_a_complete_sketch_is_a_sequence_of_one_frame(temporal: str) -> None:
    network = tiny(temporal=temporal, corrects="false")
    ink = frames(3, 4)
    with torch.no_grad():
        alone = network.encode_sketch(ink[:, -1])["vector"]
        first, state = network.encode_next(ink[:, -1], torch.zeros(3, network.state))
        again, _ = network.encode_next(ink[:, -1], state)
    assert torch.equal(alone, first["vector"])
    torch.testing.assert_close(alone.norm(dim=1), torch.ones(3))
    assert bool((again["vector"] - alone).abs().max() > 1e-4) == (temporal == "causal")


def test_following_frame_by_frame_is_what_stage_2_trains() -> None:
    network = tiny(corrects="false")
    ink, photos = frames(2, 4), torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        seen = network.trunk(network.inputs.sketches(ink.flatten(0, 1))).view(2, 4, -1)
        trained, photo = network(seen, network.trunk(network.inputs.photos(photos)), of_trunk=True)
        state = torch.zeros(2, network.state)
        for t in range(4):
            features, state = network.encode_next(ink[:, t], state)
            torch.testing.assert_close(features["vector"], trained[:, t], atol=1e-5, rtol=0)
        torch.testing.assert_close(network.encode_photo(photos)["vector"], photo, atol=1e-5, rtol=0)


def test_stage_2_begins_as_stage_1s_embedding() -> None:
    network = tiny()
    ink, photos = frames(3, 2), torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        sketch, photo = network(ink[:, 1], photos)
        _, state = network.encode_next(ink[:, 0], torch.zeros(3, network.state))
        torch.testing.assert_close(network.encode_next(ink[:, 1], state)[0]["vector"], sketch, atol=1e-5, rtol=0)
        torch.testing.assert_close(network.encode_photo(photos)["vector"], photo, atol=1e-5, rtol=0)


def test_the_papers_network() -> None:
    network = build(PRESETS["paper"])
    parts = {name: sum(p.numel() for p in getattr(network, name).parameters()) for name in ("attention", "head")}
    assert parts == {"attention": 1_050_625, "head": 2048 * 16 + 16}
    frozen = {name.split(".")[1] for name, p in network.backbone.named_parameters() if not p.requires_grad}
    assert len(frozen) == 5 and network.channels == 2048
    with pytest.raises(InputError, match="even"):
        build(replace(PRESETS["bench"], embedding=15))


def test_stage_2_trains_on_cached_features_of_the_trunk_alone(pairs_folder: Path) -> None:
    config = override(PRESETS["bench"], TINY)
    network = tiny()
    split = open_dataset(f"folder:{pairs_folder}").train
    pairs = TrainingPairs([split], 64, config.training, seed=3)
    features = trunk_features(config, network, pairs)
    assert features["sketch"].shape == (24, 4, 1280) and features["photo"].shape == (24, 1280)
    with torch.no_grad():
        expected = network.trunk(network.inputs.sketches(torch.from_numpy(np.array(pairs.ink[:1]))))
    np.testing.assert_allclose(features["sketch"][0, 3], expected[0], atol=1e-3)
    network.head.weight.data += 1
    assert np.array_equal(trunk_features(config, network, pairs)["sketch"], features["sketch"])
    lengths = set()
    for step in range(12):
        batch, photos = sequences_at(step, features, pairs, torch.device("cpu"))
        again, _ = sequences_at(step, features, pairs, torch.device("cpu"))
        assert torch.equal(batch, again) and len(batch) == len(photos) == 8
        assert len({row.numpy().tobytes() for row in photos}) == 8
        # The complete sketch is always the last frame.
        last = {row.tobytes() for row in features["sketch"][:, 3].astype(np.float32)}
        assert all(row.numpy().tobytes() in last for row in batch[:, -1])
        lengths.add(batch.shape[1])
    assert 4 in lengths and len(lengths) > 1


@pytest.fixture(scope="module")
def trained(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Path]:
    """The run of a row; each is trained once."""
    folder = tmp_path_factory.mktemp("slfir")

    @cache
    def run(row: str | None) -> Path:
        method = get_method("slfir")
        config = override(method.config("bench", row), TINY | {"tap": "features.6"})
        plan = Plan(method, config, "bench", row, 0, "random", None)
        run_training(plan, [open_dataset(f"folder:{pairs_folder}")], folder / str(row))
        return folder / str(row)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("row", [None, "frame", "replaces", "stage-1", "triplet"])
def test_both_stages_train_what_they_should(row: str | None, trained: Callable[[str | None], Path]) -> None:
    log = [json.loads(line) for line in (trained(row) / "log.jsonl").read_text().splitlines()]
    stages = [entry["phase"] for entry in log if "loss" in entry]
    assert stages == ["complete sketches"] * 3 + ["partial sketches"] * (0 if row == "stage-1" else 6)
    validated = [entry["validation"] for entry in log if "validation" in entry]
    assert validated and all("m@B" in figures for figures in validated)


@pytest.mark.slow
def test_stage_2_leaves_the_trunk_as_stage_1_left_it(trained: Callable[[str | None], Path]) -> None:
    """Batch statistics included; the head and the temporal encoder go on learning."""
    after_1, after_2 = (load_network(trained(row), "last")[0].state_dict() for row in ("stage-1", None))
    trunk = [name for name in after_2 if name.startswith(("backbone.", "attention."))]
    assert len(trunk) > 100 and all(torch.equal(after_1[name], after_2[name]) for name in trunk)
    assert not torch.equal(after_1["head.weight"], after_2["head.weight"])
    assert after_2["temporal.project.weight"].abs().max() > 0  # it begins at zero
