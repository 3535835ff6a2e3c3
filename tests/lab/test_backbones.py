"""Backbones: their taps, the weights they begin with, and that they compute what the library's networks compute."""

from __future__ import annotations

import copy
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import build_backbone, build_network
from sketchseek.lab.backbones.relu6 import use_memory_efficient_relu6
from sketchseek.lab.config import override
from sketchseek.lab.experiment import load_network, read_weights
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.methods import get_method
from sketchseek.lab.training.loop import save_network


def train_step(network: nn.Module, images: Tensor) -> tuple[list[Tensor], int]:
    """The gradients of all parameters, and how many bytes the forward pass kept for them."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = network(images).square().mean()
    loss.backward()
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None], sum(kept.values())


def test_relu6_keeps_a_third_less_and_changes_no_gradient() -> None:
    torch.manual_seed(0)
    library = build_network("torchvision/mobilenet_v2").get_submodule("features").train()
    ours = copy.deepcopy(library)
    use_memory_efficient_relu6(ours)
    images = 4 * torch.randn(4, 3, 96, 96)  # so that some units are above 6

    expected, kept_by_library = train_step(library, images)
    gradients, kept = train_step(ours, images)

    for gradient, wanted in zip(gradients, expected, strict=True):
        assert torch.equal(gradient, wanted)
    assert kept < 0.75 * kept_by_library
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), library.eval()(images))


def test_the_taps_of_mobilenet_have_the_agreed_shapes() -> None:
    taps = ("features.6", "features.13", "features.18")
    backbone = build_backbone("torchvision/mobilenet_v2", taps, 224).eval()
    with torch.no_grad():
        shapes = [tuple(m.shape[1:]) for m in backbone(torch.zeros(1, 3, 224, 224))]
    assert shapes == [(32, 28, 28), (96, 14, 14), (1280, 7, 7)]
    assert not any("classifier" in name for name, _ in backbone.named_parameters())


def test_a_timm_network_has_taps_too() -> None:
    backbone = build_backbone("timm/resnet18", ("layer2", "layer4"), 64)
    assert backbone.channels == (128, 512)


def test_folding_keeps_the_activation_that_timm_puts_into_its_batch_norms() -> None:
    torch.manual_seed(0)
    plain = build_backbone("timm/tf_efficientnet_lite0", ("bn2",), 64)
    folded = copy.deepcopy(plain).eval()
    fold_batch_norms(folded)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(folded(images), plain(images), atol=1e-4, rtol=1e-4)


def test_the_shared_weights_load_and_other_weights_are_refused(shared: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = shared / "weights" / "mobilenet_v2_imagenet.safetensors"
    random = build_backbone("torchvision/mobilenet_v2", ("features.18",), 64)
    loaded = build_backbone("torchvision/mobilenet_v2", ("features.18",), 64, read_weights(str(path)))
    key = "network.features.18.0.weight"
    assert not torch.equal(random.state_dict()[key], loaded.state_dict()[key])
    with pytest.raises(InputError, match="belong to another network"):
        build_backbone("torchvision/resnet18", ("layer4",), 64, read_weights(str(path)))
    broken = tmp_path / "broken.safetensors"
    save_file({"features.0.0.weight": torch.zeros(1)}, broken)
    with pytest.raises(InputError, match=r"broken\.safetensors"):
        build_backbone("torchvision/mobilenet_v2", ("features.18",), 64, read_weights(str(broken)))
    with pytest.raises(InputError, match="no such weights file"):
        build_backbone(
            "torchvision/mobilenet_v2", ("features.18",), 64, read_weights(str(tmp_path / "none.safetensors"))
        )


def test_a_vision_transformer_begins_as_its_paper_says() -> None:
    block = build_network("timm/vit_tiny_patch16_224").get_submodule("blocks.3")
    for name, (inputs, outputs) in {"attn.proj": (192, 192), "mlp.fc1": (192, 768), "mlp.fc2": (768, 192)}.items():
        weight = block.get_parameter(f"{name}.weight").detach()
        xavier = math.sqrt(6 / (inputs + outputs))
        assert 0.95 * xavier < float(weight.abs().max()) <= xavier
        assert float(weight.std()) == pytest.approx(xavier / math.sqrt(3), rel=0.05)


@pytest.mark.slow
def test_gn_triplet_is_the_baseline_on_googlenet() -> None:
    """Of CSR 2022 and MLRM 2022: 1,024 numbers, the average of the last map at unit length."""
    method = get_method("siamese")
    config: Any = method.config("paper", "gn-triplet")
    assert (config.objective, config.size, config.training.epochs) == ("triplet", 224, 200)
    network = method.build(replace(config, size=64)).eval()
    with torch.no_grad():
        vector = network.encode_photo(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))["vector"]
    assert vector.shape == (1, 1024)


def test_unknown_networks_and_taps_are_named() -> None:
    with pytest.raises(InputError, match="no such network"):
        build_backbone("torchvision/mobilenet_v9", ("features.1",), 64)
    with pytest.raises(InputError, match=r"no layer 'features\.99'"):
        build_backbone("torchvision/mobilenet_v2", ("features.99",), 64)
    with pytest.raises(InputError, match="torchvision/<name>, timm/<name> or sketchseek/sketch_a_net"):
        build_backbone("mobilenet_v2", ("features.1",), 64)


def test_a_backbone_comes_from_a_finished_run(siamese_run: Path) -> None:
    trained: Any = load_network(siamese_run)[0].backbone
    last = build_backbone("torchvision/mobilenet_v2", ("features.18",), 64, read_weights(str(siamese_run)))
    assert all(torch.equal(value, last.state_dict()[name]) for name, value in trained.state_dict().items())
    earlier = build_backbone("torchvision/mobilenet_v2", ("features.6",), 64, read_weights(str(siamese_run)))
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in earlier.state_dict().items())


def test_the_run_of_another_backbone_or_with_too_few_layers_is_refused(siamese_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this run's backbone is another"):
        build_backbone("torchvision/resnet18", ("layer4",), 64, read_weights(str(siamese_run)))
    short = tmp_path / "short"
    shutil.copytree(siamese_run, short)
    run = json.loads((short / "run.json").read_text())
    run["config"]["taps"] = ["features.6"]
    network = get_method("siamese").build(override(get_method("siamese").config("bench"), {"taps": "features.6"}))
    save_network(short / f"{run['main']}.safetensors", network)
    (short / "run.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match=r"missing \['network\.features\."):
        build_backbone("torchvision/mobilenet_v2", ("features.18",), 64, read_weights(str(short)))
