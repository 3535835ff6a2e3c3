"""ARNet: its sizes, its four terms, its batches, the views, released weights, and training on photos alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.arnet.config import PRESETS, Config
from sketchseek.lab.methods.arnet.network import ARNet, EncoderOutputs, build
from sketchseek.lab.methods.arnet.objective import losses, phases, training_pairs
from sketchseek.lab.methods.arnet.trunk import build_trunk
from sketchseek.lab.training.augmentation import VIEW_FLIP, augmented_views

TINY = {"size": "64", "training.pairs": "16", "training.batch": "8", "training.precision": "fp32"}
VIT = {"backbone": "timm/vit_tiny_patch16_224", "size": "64", "recycling_heads": "4", "embedding": "32"}


def config(**changes: str) -> Config:
    return override(PRESETS["bench"], TINY | {key.replace("__", "."): value for key, value in changes.items()})


@pytest.fixture(scope="module")
def vit() -> ARNet:
    torch.manual_seed(0)
    return build(config(**VIT)).eval()


@pytest.mark.slow
def test_the_papers_encoders_are_two_vits_with_a_head_each() -> None:
    network = build(replace(PRESETS["paper"], recycling=False))
    vit_without_classifier = 85_798_656
    assert sum(p.numel() for p in network.parameters()) == 2 * (vit_without_classifier + 768 * 512 + 512)
    with torch.no_grad():
        vector, cells = network.eval().photo.trunk(torch.zeros(1, 3, 224, 224))
    assert vector.shape == (1, 768) and cells.shape == (1, 196, 768)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "width", "cells"),
    [
        ("torchvision/mobilenet_v2", 1280, (14, 96)),
        ("torchvision/vgg16", 512, (14, 512)),
        ("torchvision/resnet50", 2048, (14, 1024)),
        ("torchvision/inception_v3", 2048, (12, 768)),
        ("timm/swin_base_patch4_window7_224", 1024, (7, 1024)),
    ],
)
def test_a_backbone_without_a_class_token_gives_its_whole_vector(
    backbone: str, width: int, cells: tuple[int, int]
) -> None:
    trunk = build_trunk(backbone, 224, "random")
    assert (trunk.width, trunk.side, trunk.cell_width) == (width, *cells)
    with torch.no_grad():
        vector, tokens = trunk.eval()(torch.rand(1, 3, 224, 224))
    assert vector.shape == (1, width) and tokens.shape == (1, cells[0] ** 2, cells[1])


def test_the_vector_is_the_class_token_and_the_cells_are_the_rest(vit: ARNet) -> None:
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        network: Any = vit.sketch.trunk.network
        tokens = network.forward_features(images)
        vector, cells = vit.sketch.trunk(images)
    assert torch.equal(vector, tokens[:, 0]) and torch.equal(cells, tokens[:, 1:]) and cells.shape == (2, 16, 192)


def test_the_recycled_vector_has_its_share(vit: ARNet) -> None:
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        vector, cells = vit.photo.trunk(images)
        assert vit.photo.recycling is not None
        recycled, _ = vit.photo.recycling(cells)
        expected = vit.photo.head(0.9 * vector + 0.1 * recycled)
        torch.testing.assert_close(vit.photo(images).embedding, expected)


def test_both_encoders_begin_alike_and_share_nothing(vit: ARNet) -> None:
    pairs = list(zip(vit.sketch.parameters(), vit.photo.parameters(), strict=True))
    assert all(torch.equal(a, b) and a.data_ptr() != b.data_ptr() for a, b in pairs)


def test_a_backbone_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="takes a timm ViT or Swin, torchvision/vgg16"):
        build(config(backbone="torchvision/alexnet"))
    with pytest.raises(InputError, match="of timm it takes ViT and Swin"):
        build(config(backbone="timm/resnet10t"))
    with pytest.raises(InputError, match="cannot take images of 8 px"):
        build(config(**VIT | {"size": "8"}))
    with pytest.raises(InputError, match=r"'timm/pvt_v2_b0' cannot take images of 64 px"):
        build(config(backbone="timm/pvt_v2_b0"))
    with pytest.raises(InputError, match=r"'timm/pit_ti_224' gives \d+ cells, not a square of them"):
        build(config(backbone="timm/pit_ti_224", size="224"))


def test_each_row_feeds_a_transformer_what_its_weights_expect() -> None:
    """timm says with which mean its weights were trained: 0.5, or ImageNet's."""
    method = get_method("arnet")
    chosen = [method.config("bench", row) for row in ("vit-b", "swin-b")]
    trained: list[Any] = [timm.get_pretrained_cfg(c.backbone.removeprefix("timm/")) for c in chosen]
    expected = [weights.mean == (0.5, 0.5, 0.5) for weights in trained]
    assert [c.normalisation for c in chosen] == ["unit" if half else "imagenet" for half in expected]
    assert set(expected) == {True, False}


def test_the_preset_paper_has_the_released_settings() -> None:
    paper = PRESETS["paper"]
    assert (paper.temperature, paper.normalisation, paper.batch, paper.embedding) == (0.07, "raw", "sketches", 512)
    training = paper.training
    assert (training.optimizer, training.rate_body, training.rate_new) == ("adam", 6e-6, 6e-6)
    assert (training.weight_decay, training.batch, training.schedule) == (1e-4, 16, "constant")


def test_images_and_their_views_go_through_an_encoder_together_as_they_would_alone(vit: ARNet) -> None:
    images, views = torch.rand(2, 3, 3, 64, 64)
    with torch.no_grad():
        together, alone, view = vit.photo(images, views), vit.photo(images), vit.photo(views)
    torch.testing.assert_close(together.vector, alone.vector)
    torch.testing.assert_close(together.embedding, alone.embedding)
    torch.testing.assert_close(together.groups, alone.groups)
    torch.testing.assert_close(together.view, view.vector)


def nt_xent_by_hand(first: torch.Tensor, second: torch.Tensor, same: list[int] | None = None) -> float:
    items = [*F.normalize(first, dim=1), *F.normalize(second, dim=1)]
    count, total = len(first), 0.0
    same = same or list(range(count))
    for i, item in enumerate(items):
        positive = (i + count) % (2 * count)
        others = [j for j in range(2 * count) if j == positive or same[j % count] != same[i % count]]
        logits = torch.stack([item @ items[j] / 0.07 for j in others])
        total += float(logits.logsumexp(0) - item @ items[positive] / 0.07)
    return total / (2 * count)


@pytest.mark.parametrize("id_aware", [False, True])
def test_the_terms_are_nt_xent_between_and_within_the_domains(vit: ARNet, id_aware: bool) -> None:
    e_s, e_i, c_s, c_i, v_s, v_i = torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(0))
    sketches, photos = EncoderOutputs(e_s, c_s, v_s, None), EncoderOutputs(e_i, c_i, v_i, None)
    photo = [3, 1, 3, 0, 2]
    values = losses(config(id_aware=str(id_aware)), vit, sketches, photos, torch.tensor(photo))
    same = photo if id_aware else None
    expected = {
        "multi": nt_xent_by_hand(e_s, e_i, same),
        "inter": nt_xent_by_hand(c_s, c_i, same),
        "intra_sketch": nt_xent_by_hand(v_s, c_s, same),
        "intra_photo": nt_xent_by_hand(v_i, c_i, same),
    }
    assert {name: pytest.approx(value, rel=1e-4) for name, value in expected.items()} == {
        name: float(value) for name, value in values.items() if name != "loss"
    }
    assert float(values["loss"]) == pytest.approx(sum(expected.values()), rel=1e-4)


def test_the_recycling_loss_of_both_encoders_is_in_the_total(vit: ARNet) -> None:
    chosen = config(recycling_weight="0.5", **VIT)
    with torch.no_grad():
        sketches, photos = (encoder(*torch.rand(2, 4, 3, 64, 64)) for encoder in (vit.sketch, vit.photo))
        values = losses(chosen, vit, sketches, photos, torch.arange(4))
    recycling = float(values["recycling_sketch"] + values["recycling_photo"])
    contrast = sum(float(values[name]) for name in ("multi", "inter", "intra_sketch", "intra_photo"))
    assert recycling > 0 and float(values["loss"]) == pytest.approx(contrast + 0.5 * recycling, rel=1e-5)


def test_the_contrastive_terms_of_a_large_batch_keep_little() -> None:
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    vectors = torch.randn(6, 256, 512, requires_grad=True)
    encoded = [EncoderOutputs(vectors[i], vectors[i + 1], vectors[i + 2], None) for i in (0, 3)]
    network = build(config(recycling="false"))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses(config(recycling="false"), network, encoded[0], encoded[1], torch.arange(256))
    assert sum(kept.values()) < 64 * 2**20


def test_a_view_is_turned_enlarged_and_often_mirrored_on_its_own() -> None:
    """Where three marks of a drawing come to lie says what was done to it."""
    torch.manual_seed(0)
    side, count = 101, 200
    marks = torch.zeros(count, side, side)
    photos = torch.full((count, side, side, 3), 200.0)
    offsets = [(0, 20), (20, 0)]  # right, down, from the middle
    views = []
    for right, down in offsets:
        marks.zero_()
        marks[:, 50 + down - 1 : 50 + down + 2, 50 + right - 1 : 50 + right + 2] = 255
        torch.manual_seed(1)
        ink, photo = augmented_views(marks, photos)
        assert torch.allclose(photo, photos), "the photo goes on at its border"
        rows, columns = torch.meshgrid(torch.arange(side) - 50.0, torch.arange(side) - 50.0, indexing="ij")
        weight = ink / ink.sum((1, 2), keepdim=True)
        views.append(torch.stack([(weight * columns).sum((1, 2)), (weight * rows).sum((1, 2))], dim=1))
    down_mark, right_mark = views
    assert torch.allclose(right_mark.norm(dim=1), torch.tensor(20 * 268 / 224), atol=0.3)
    mirrored = right_mark[:, 0] * down_mark[:, 1] - right_mark[:, 1] * down_mark[:, 0] < 0
    assert abs(float(mirrored.float().mean()) - VIEW_FLIP) < 0.1
    angle = torch.rad2deg(torch.atan2(down_mark[:, 0], down_mark[:, 1]))
    assert float(angle.abs().max()) < 31 and float(angle.std()) > 10


def test_a_photos_view_is_not_that_of_its_sketch() -> None:
    marked = torch.zeros(8, 101, 101)
    marked[:, 40:44, 60:70] = 255
    torch.manual_seed(0)
    ink, photos = augmented_views(marked, marked[..., None].expand(-1, -1, -1, 3).contiguous())
    for one, other in zip(ink, photos[..., 0], strict=True):
        assert other.max() > 100 and not torch.allclose(one, other, atol=50)
    assert not torch.allclose(photos[0], photos[1], atol=50)


@pytest.fixture
def several_sketches(pairs_folder: Path, tmp_path: Path) -> Path:
    """The small data set, a second sketch for each training photo."""
    import shutil

    shutil.copytree(pairs_folder, tmp_path / "pairs")
    for path in sorted((tmp_path / "pairs" / "train" / "sketches").glob("*_1.json")):
        shutil.copy(path, path.with_name(path.name.replace("_1.json", "_2.json")))
    return tmp_path / "pairs"


def test_a_batch_has_each_photo_once_or_each_sketch_once(several_sketches: Path) -> None:
    split = open_dataset(f"folder:{several_sketches}").train
    for kind, repeats in (("photos", False), ("sketches", True)):
        chosen = config(batch=kind, training__batch="24")
        network = build(replace(chosen, recycling=False))
        (phase,) = phases(chosen, network, training_pairs(chosen, [split], seed=0))
        seen = [phase.batch(step, torch.device("cpu")) for step in range(2)]
        assert any(len(set(batch.identity.tolist())) < 24 for batch in seen) == repeats
        assert len({number for batch in seen for number in batch.identity.tolist()}) == 24
        assert seen[0].ink_views.shape == seen[0].ink.shape == (24, 64, 64)
        assert seen[0].photo_views.shape == seen[0].photos.shape == (24, 64, 64, 3)


def test_without_views_there_are_no_terms_within_a_domain(pairs_folder: Path) -> None:
    split = open_dataset(f"folder:{pairs_folder}").train
    chosen = config(augmented_views="false", **VIT)
    network = build(chosen)
    (phase,) = phases(chosen, network, training_pairs(chosen, [split], seed=0))
    values = phase.loss(network, phase.batch(0, torch.device("cpu")), 0.0)
    assert set(values) == {"loss", "multi", "inter", "recycling_sketch", "recycling_photo"}


def released(network: ARNet) -> dict[str, torch.Tensor]:
    """The state dict of a network under the released names, with layers that nothing uses."""
    state = {}
    for ours, theirs in (("photo", "img_model"), ("sketch", "skt_model")):
        for key, value in network.state_dict().items():
            if key.startswith(f"{ours}.trunk.network."):
                state[f"{theirs}.encoder.{key.removeprefix(f'{ours}.trunk.network.')}"] = value
            elif key.startswith(f"{ours}.head."):
                state[f"{theirs}.mlp_head.0.{key.removeprefix(f'{ours}.head.')}"] = value
        state[f"{theirs}.encoder.head.weight"] = torch.zeros(1000, 192)
        state[f"{theirs}.encoder.head.bias"] = torch.zeros(1000)
        state[f"{theirs}.mlp_block.1.weight"] = torch.zeros(1, 196)
    return state


def nested(state: dict[str, torch.Tensor]) -> dict[str, object]:
    content: dict[str, object] = {"epoch": 331, "loss": 1.5, "top1": 73.31}
    for domain in ("img_model", "skt_model"):
        content[domain] = {k.removeprefix(f"{domain}."): v for k, v in state.items() if k.startswith(domain)}
    return content


def test_released_weights_are_loaded_by_a_key_map(vit: ARNet, tmp_path: Path) -> None:
    state = released(build(config(**VIT)))
    torch.save(nested(state), tmp_path / "released.pth")
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "released.safetensors")
    for name in ("released.pth", "released.safetensors"):
        network = build(config(**VIT))
        before = network.state_dict()["photo.recycling.across.weight"].clone()
        get_method("arnet").initialise(network, tmp_path / name)
        loaded = network.state_dict()
        assert torch.equal(loaded["photo.head.weight"], state["img_model.mlp_head.0.weight"])
        assert torch.equal(loaded["sketch.trunk.network.pos_embed"], state["skt_model.encoder.pos_embed"])
        assert torch.equal(loaded["photo.recycling.across.weight"], before)


def test_a_released_file_that_does_not_fit_is_refused(vit: ARNet, tmp_path: Path) -> None:
    method, state = get_method("arnet"), released(vit)
    path = tmp_path / "released.pth"
    for changed, message in (
        (state | {"img_model.encoder.extra": torch.zeros(1)}, r"unmatched \['img_model.encoder.extra'\]"),
        ({k: v for k, v in state.items() if k != "skt_model.mlp_head.0.bias"}, r"missing \['sketch.head.bias'\]"),
        (state | {"img_model.mlp_head.0.bias": torch.zeros(7)}, r"another shape \['photo.head.bias'\]"),
    ):
        torch.save(changed, path)
        with pytest.raises(InputError, match=f"released.pth: .*{message}"):
            method.initialise(vit, path)
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"released\.pth: cannot be read as weights"):
        method.initialise(vit, path)
    torch.save({"img_model": Path}, path)
    with pytest.raises(InputError, match=r"released\.pth: cannot be read as weights"):
        method.initialise(vit, path)
    with pytest.raises(InputError, match="no such weights file"):
        method.initialise(vit, tmp_path / "none.pth")
    with pytest.raises(InputError, match="siamese knows no published weights"):
        get_method("siamese").initialise(vit, path)


@pytest.mark.slow
def test_released_weights_are_measured_without_a_training_step(pairs_folder: Path, tmp_path: Path) -> None:
    """The command of the method's README."""
    torch.save(nested(released(build(config(**VIT)))), tmp_path / "EffNet.pth")
    settings = TINY | VIT | {"training.pairs": "0"}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    out, data = tmp_path / "released", f"folder:{pairs_folder}"
    train = ["train", "arnet", "--row", "basic", "--init", str(tmp_path / "EffNet.pth"), "--data", data]
    assert main([*train, "--out", str(out), *words]) == 0
    run = json.loads((out / "run.json").read_text())
    assert run["weights"].startswith("EffNet.pth (") and run["checkpoint"] == "as it began: no training steps"
    assert main(["evaluate", str(out), "--data", data, "--steps", "1", "--result", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["split"]["queries"] == 12


@pytest.mark.slow
def test_photos_alone_train_and_the_report_draws(pairs_folder: Path, tmp_path: Path) -> None:
    """A folder of photos is trained on sketches traced from them; the run says so."""
    out, report = tmp_path / "run", tmp_path / "report"
    words = [word for key, value in (TINY | VIT).items() for word in ("--set", f"{key}={value}")]
    photos = pairs_folder / "train" / "photos"
    command = ["train", "arnet", "--data", f"folder:{photos}", "--weights", "random", "--out", str(out), *words]
    assert main(command) == 0
    run = json.loads((out / "run.json").read_text())
    (data,) = run["data"]
    assert data["variant"] == "sketches traced from the photos"
    assert data["train"]["photos"] + data["validation"]["photos"] == 24
    assert data["train"]["sketches"] == data["train"]["photos"]
    steps = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert np.isfinite([step["loss"] for step in steps if "loss" in step]).all()
    evaluate = ["evaluate", str(out), "--data", f"folder:{pairs_folder}", "--steps", "1", "--report", str(report)]
    assert main(evaluate) == 0
    numbers = json.loads((report / "evaluation.json").read_text())["method_report"]["variance"]
    assert set(numbers) == {"sketch", "photo"} and numbers["photo"]["discarded"][0] > 0
    assert {"variance.png", "training.png", "embeddings.png", "attention.png", "top.png"} <= {
        path.name for path in report.iterdir()
    }
