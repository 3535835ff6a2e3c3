"""FVLP: its losses, queues and schedules, what trains, and what it is asked with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import torch.nn.functional as F
from tiny_fvlp import TINY, tiny

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.experiment import load_encoder
from sketchseek.lab.methods.fvlp.config import Config
from sketchseek.lab.methods.fvlp.momentum import UNFILLED, Momentum
from sketchseek.lab.methods.fvlp.network import FVLP, Projected, build, pairs_to_match
from sketchseek.lab.methods.fvlp.objective import (
    ITC,
    contrast_loss,
    frames_as_sketches,
    phases,
    training_pairs,
    unit_vectors,
)
from sketchseek.lab.runs import read_run, write_run
from sketchseek.model import Model

# Biases before a batch norm or a softmax change nothing; only rounding moves them.
WITHOUT_EFFECT = ("attention.logits.0.bias", "attention.logits.3.bias", "key.bias", "k_proj.bias")
TINY_CLIP = TINY | {"backbone": "clip", "taps": "0,1", "normalisation": "raw", "vision.layers": "2"}
TINY_CLIP |= {"vision.width": "32", "vision.heads": "4"}


def trained(config: Config, split: Split, steps: int = 2) -> tuple[FVLP, FVLP]:
    """The network as it began, without what training alone has, and after so many steps."""
    torch.manual_seed(0)
    network = build(config)
    (phase,) = phases(config, network, training_pairs(config, [split], seed=0))
    before = build(config)
    state = {k: v for k, v in network.state_dict().items() if not k.startswith("training_only.")}
    before.load_state_dict(state)
    network.train()
    for step in range(steps):
        phase.loss(network, phase.batch(step, torch.device("cpu")), step / steps)["loss"].backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
    return before, network


@pytest.mark.parametrize("changes", [TINY, TINY_CLIP], ids=["mobilenet", "clip"])
def test_every_parameter_trains(changes: dict[str, str], train_split: Split) -> None:
    # At 128 px the spatial attention has more than one cell to choose from.
    before, after = trained(tiny(changes | {"size": "128"}), train_split)
    old = dict(before.named_parameters())
    still = [name for name, p in after.named_parameters() if p.requires_grad and torch.equal(p, old[name])]
    assert not [name for name in still if not name.endswith(WITHOUT_EFFECT)]
    moved = after.training_only.get_submodule("vision").state_dict()
    assert any(not torch.equal(moved[k], v) for k, v in before.vision.state_dict().items())


@pytest.mark.parametrize("fusion", ["unit_sum", "sketch_only", "text_only"])
def test_fusions_train_and_say_what_they_are_asked_with(fusion: str, train_split: Split) -> None:
    _, network = trained(tiny(TINY | {"fusion": fusion}), train_split, steps=1)
    assert network.fusion == "unit_sum"
    assert network.query == {"unit_sum": "both", "sketch_only": "sketch", "text_only": "words"}[fusion]


def test_pre_training_looks_at_no_sketch(train_split: Split) -> None:
    config = tiny(TINY | {"program": "pre-training", "features": "class"})
    _, network = trained(config, train_split, steps=1)
    assert network.training_only.names == ("photo", "text")


def test_data_without_captions_is_refused(train_split: Split) -> None:
    wordless = replace(train_split, photos=tuple(replace(p, caption="") for p in train_split.photos))
    config = tiny()
    with pytest.raises(InputError, match="24 of 24 photos of this data have no caption"):
        phases(config, build(config), training_pairs(config, [wordless], seed=0))


def test_a_queue_holds_no_more_than_four_epochs_and_forgets_the_oldest(train_split: Split) -> None:
    config = tiny()
    network = build(config)
    phases(config, network, training_pairs(config, [train_split], seed=0))
    assert network.training_only.size == 4 * 24
    momentum = Momentum(network, ("photo",), 5, 0.995)
    assert momentum.identity.tolist() == [UNFILLED] * 5
    vectors = F.normalize(torch.randn(8, 16), dim=1)
    momentum.push({"photo": vectors[:4]}, torch.arange(4))
    momentum.push({"photo": vectors[4:]}, torch.arange(4, 8))
    assert momentum.identity.tolist() == [5, 6, 7, 3, 4] and int(momentum.next) == 3
    torch.testing.assert_close(momentum.queue("photo"), vectors[[5, 6, 7, 3, 4]])


def test_momentum_copies_keep_their_share_of_themselves() -> None:
    network = build(tiny())
    momentum = Momentum(network, ("photo",), 5, 0.9)
    with torch.no_grad():
        network.text_projection.weight += 1
    before = momentum.text_projection.state_dict()["weight"].clone()
    momentum.update(network)
    after = momentum.text_projection.state_dict()["weight"]
    torch.testing.assert_close(after, 0.9 * before + 0.1 * network.text_projection.weight)


@pytest.mark.parametrize("slow", [True, False])
def test_momentum_features_pass_the_modules_own_copy_or_as_published_the_module(slow: bool, train_split: Split) -> None:
    config = tiny(TINY | {"slow_module": str(slow)})
    network = build(config).eval()
    (phase,) = phases(config, network, training_pairs(config, [train_split], seed=0))
    batch = phase.batch(0, torch.device("cpu"))
    words = torch.zeros(len(batch.photo), config.length, dtype=torch.int64)
    with torch.no_grad():
        before = network(batch.ink, batch.photos, words, words, batch.photo, batch.photo)
        assert network.multi_scale is not None
        network.multi_scale.convolution.weight *= 2
        after = network(batch.ink, batch.photos, words, words, batch.photo, batch.photo)
    assert not torch.equal(before.own.photo, after.own.photo)
    assert torch.equal(before.momentum.photo, after.momentum.photo) is slow


def test_contrast_has_all_candidates_of_a_photo_as_its_targets_and_follows_the_momentum_copies() -> None:
    network = build(tiny())
    momentum = Momentum(network, ("photo", "text", "query"), 6, 0.995)
    momentum.identity[:] = torch.tensor([3, 1, UNFILLED, 1, 9, UNFILLED])
    identity = torch.tensor([1, 3])

    def drawn() -> dict[str, torch.Tensor]:
        return {name: F.normalize(torch.randn(2, 16), dim=1) for name in ("photo", "text", "query")}

    own, slow = drawn(), drawn()
    share, tau = 0.4, torch.tensor(0.1)
    found = contrast_loss(ITC, own, slow, identity, momentum, tau, share)
    expected = []
    for name, queue in ITC:
        candidates = torch.cat([slow[queue], momentum.queue(queue)])
        right = torch.tensor([[1, 0, 0, 1, 0, 1, 0, 0], [0, 1, 1, 0, 0, 0, 0, 0]])
        target = 0.6 * right / right.sum(1, keepdim=True) + 0.4 * (slow[name] @ candidates.T / tau).softmax(1)
        expected.append(-(target * (own[name] @ candidates.T / tau).log_softmax(1)).sum(1).mean())
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_no_pair_that_belongs_together_is_a_mismatch() -> None:
    identity, meaning = torch.tensor([0, 0, 1, 2, 3]), torch.tensor([0, 0, 1, 2, 2])
    photo, text = torch.randn(2, 5, 8)
    text[2] = photo[2]  # so similar that the others are all but impossible
    text[3] = photo[4]  # as similar, but these two cannot be told apart by words
    own = Projected(photo, None, text)
    for seed in range(20):
        torch.manual_seed(seed)
        photos, texts, labels = pairs_to_match(own, identity, meaning, torch.tensor(0.001))
        assert torch.equal(photos[:5], texts[:5]) and (meaning[photos[5:]] != meaning[texts[5:]]).all()
        assert labels.tolist() == [1] * 5 + [0] * 10
        assert sorted(texts[5:10].tolist()) == sorted(photos[10:].tolist()) == [0, 1, 2, 3, 4]
        # Where words cannot tell any two apart, other photos have to do.
        photos, texts, labels = pairs_to_match(own, identity, torch.zeros(5), torch.tensor(0.001))
        assert (identity[photos[5:]] != identity[texts[5:]]).all()


def test_a_network_whose_matching_was_not_trained_does_not_match() -> None:
    photos = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    matching, contrast = build(tiny()).eval(), build(tiny(TINY | {"matching_weight": "0"})).eval()
    assert matching.can_match and set(matching.encode_photo(photos)) == {"vector", "tokens"}
    assert not contrast.can_match and set(contrast.encode_photo(photos)) == {"vector"}


def test_the_query_is_the_sum_of_the_projections() -> None:
    photo, sketch, text = torch.randn(3, 2, 8)
    found = unit_vectors("raw_sum", Projected(photo, sketch, text))["query"]
    torch.testing.assert_close(found, F.normalize(sketch + text, dim=1))
    found = unit_vectors("unit_sum", Projected(photo, sketch, text))["query"]
    torch.testing.assert_close(found, F.normalize(F.normalize(sketch, dim=1) + F.normalize(text, dim=1), dim=1))


@pytest.mark.parametrize("preset", ["paper", "pre-training"])
def test_published_rates_warm_up_over_one_epoch(preset: str, train_split: Split) -> None:
    small = TINY | {"training.pairs": "240", "vision.layers": "2", "vision.width": "32", "vision.heads": "4"}
    config = tiny(small | {"taps": "0,1", "text.heads": "4", "vocabulary": "300"}, preset)
    (phase,) = phases(config, build(config), training_pairs(config, [train_split], seed=0))
    rates = [phase.schedule(step / phase.steps) for step in range(phase.steps)]  # ten epochs of three steps
    assert rates[0] == pytest.approx(1 / 30) and rates[0] < rates[1] < rates[2] < 1
    after_one = {"paper": (1 + np.cos(np.pi / 10)) / 2, "pre-training": 0.9}[preset]
    assert rates[3:6] == pytest.approx([after_one] * 3)
    assert all(a >= b for a, b in itertools.pairwise(rates[3:]))


def test_frames_are_sketches_of_their_own(tmp_path: Path) -> None:
    frames = tuple(tmp_path / f"frame_{i}.png" for i in range(3))
    split = Split((Photo("a", tmp_path / "a.png"),), (SketchItem("a", 0, frames[-1], frames=frames),))
    grown = frames_as_sketches(split)
    assert [s.path for s in grown.sketches] == list(frames)
    assert all(s.photo == 0 and not s.frames for s in grown.sketches)


@pytest.fixture(scope="module")
def run_folder(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fvlp") / "run"
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    command = ["train", "fvlp", "--data", f"folder:{pairs_folder}", "--weights", "random", "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHDYNAMO_DISABLE", "1")
        patch.setenv("XDG_CACHE_HOME", str(out.parent / "cache"))
        assert main([*command, *settings]) == 0
    return out


@pytest.mark.slow
def test_evaluate_says_what_it_asked_with(
    run_folder: Path, pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluated(*more: str) -> dict[str, Any]:
        capsys.readouterr()
        command = ["evaluate", str(run_folder), "--data", f"folder:{pairs_folder}", "--steps", "3", "--json"]
        assert main([*command, *more]) == 0
        return json.loads(capsys.readouterr().out)

    assert evaluated("--result", str(tmp_path / "both.json"))["query"] == "both"
    result = json.loads((tmp_path / "both.json").read_text())
    assert result["query"] == "both"
    assert evaluated("--query", "sketch")["query"] == "sketch"
    words = evaluated("--query", "words", "--result", str(tmp_path / "words.json"))
    assert words["query"] == "words" and words["expected_calibration_error"] is None
    ranks = json.loads((tmp_path / "words.json").read_text())["ranks"]
    assert all(len(set(steps)) == 1 for steps in ranks), "words do not grow with the drawing"


@pytest.fixture
def whether_matching_helps(run_folder: Path) -> Iterator[Callable[[bool], None]]:
    """Sets what validation found; the run is as it was afterwards."""
    found = read_run(run_folder)
    assert isinstance(found.matching_helps, bool)
    yield lambda helps: write_run(run_folder, replace(found, matching_helps=helps))
    write_run(run_folder, found)


@pytest.mark.slow
def test_matching_that_does_not_help_is_left_out(
    run_folder: Path, tmp_path: Path, whether_matching_helps: Callable[[bool], None]
) -> None:
    whether_matching_helps(False)
    assert main(["export", str(run_folder), str(tmp_path / "model")]) == 0
    assert not load_encoder(run_folder)[0].can_match
    model = Model.load(tmp_path / "model")
    assert model.has_words and not model.can_match and set(model.config["features"]) == {"vector"}


@pytest.mark.slow
def test_an_exported_network_reads_and_matches_as_in_training(
    run_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    whether_matching_helps: Callable[[bool], None],
) -> None:
    whether_matching_helps(True)
    assert main(["export", str(run_folder), str(tmp_path / "model")]) == 0
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    model, (encoder, _) = Model.load(tmp_path / "model"), load_encoder(run_folder)
    assert model.has_words and model.can_match and model.query == encoder.query == "both"
    assert model.config["words"] == {"fusion": "unit_sum", "length": 16, "query": "both"}
    texts = ["a red shape with 4 corners", "something nobody drew, in blue", ""]
    for name, vectors in encoder.encode_text(texts).items():
        np.testing.assert_allclose(model.encode_text(texts)[name], vectors, atol=1e-4)
    photos = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    tokens = model.encode_photos(photos)["tokens"]
    assert list(tokens.shape[1:]) == model.config["features"]["tokens"]
    np.testing.assert_allclose(model.match(texts[0], tokens), encoder.match(texts[0], tokens), atol=1e-5)


@pytest.mark.slow
def test_sketches_alone_need_no_captions(
    tmp_path: Path, start_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """FS2K-SDE in SLFIR's layout has none: trained, measured and exported with sketches alone."""
    random = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        (tmp_path / "sde" / "comp" / part / "photo").mkdir(parents=True)
        for number in range(count):
            photo = Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8))
            photo.save(tmp_path / "sde" / "comp" / part / "photo" / f"image{number}.png")
            episode = tmp_path / "sde" / "sketch-seq" / part / f"episode{number}"
            episode.mkdir(parents=True)
            drawing = np.full((40, 40), 255, np.uint8)
            for frame in range(3):
                drawing[random.integers(40), :] = 0
                Image.fromarray(drawing).save(episode / f"frame_{frame}.png")
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    data, run, model = ["--data", f"fs2k-sde1:{tmp_path / 'sde'}"], str(tmp_path / "run"), str(tmp_path / "model")
    command = ["train", "fvlp", *data, "--weights", str(start_weights), "--out", run, *settings]
    assert main(command) == 2 and "--row sketch-only" in capsys.readouterr().err
    assert main([*command, "--row", "sketch-only"]) == 0
    assert main(["export", run, model]) == 0
    assert not (Path(model) / "text.onnx").exists() and not (Path(model) / "match.onnx").exists()
    capsys.readouterr()
    figures = []
    for measured in (run, model):
        assert main(["evaluate", measured, *data, "--json"]) == 0
        figures.append(json.loads(capsys.readouterr().out))
    assert figures[0]["query"] == "sketch" and figures[0]["steps"] == 20
    assert figures[0]["m@B"] == pytest.approx(figures[1]["m@B"])
    assert main(["evaluate", run, *data, "--query", "words"]) == 2
    assert "takes no words" in capsys.readouterr().err
