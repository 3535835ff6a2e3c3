"""Backbones: networks of torchvision and timm, and Sketch-a-Net, by name, with features taken at named taps.

A tap is the name of a module inside the network, as in ``named_modules``. A backbone returns the output of each tap.
Layers that no tap needs, such as the classifier, are removed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones.relu6 import use_memory_efficient_relu6
from sketchseek.lab.backbones.sketch_a_net import sketch_a_net

# The torchvision networks that have the option `transform_input`.
RESCALING = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class SavedWeights:
    """A state dict read from a file."""

    source: Path  # for error messages
    state: Mapping[str, Tensor]
    of_run: bool = False  # the network of one of our runs, of which the backbone is used; else the library's network


# Initial weights of a backbone. ``pretrained`` are the library's, downloaded once.
Weights: TypeAlias = Literal["random", "pretrained"] | SavedWeights


class Backbone(nn.Module):
    """``forward(images [B, 3, S, S])`` returns a list of feature maps, one for each tap, in the order of the taps.

    ``channels`` are the numbers of channels of the maps, ``sides`` their sides in cells for an input of ``size``
    pixels.
    """

    def __init__(self, network: nn.Module, taps: Sequence[str], size: int) -> None:
        super().__init__()
        from timm.models import create_feature_extractor

        known = {name for name, _ in network.named_modules()}
        for tap in taps:
            if tap not in known:
                raise InputError(f"the backbone has no layer '{tap}'; its layers are printed by named_modules()")
        self.taps = tuple(taps)
        with warnings.catch_warnings():
            # The warning is about heads that GoogLeNet and Inception have in training only; they are removed here.
            warnings.filterwarnings("ignore", "NOTE: The nodes obtained by tracing")
            self.network = create_feature_extractor(network, {tap: str(i) for i, tap in enumerate(taps)})
        use_memory_efficient_relu6(self.network)
        self.eval()
        try:
            with torch.no_grad():
                maps = self(torch.zeros(1, 3, size, size))
        except RuntimeError as error:
            raise InputError(f"the backbone cannot take images of {size} px ({_first_line(error)})") from error
        self.channels = tuple(m.shape[1] for m in maps)
        self.sides = tuple(m.shape[2] for m in maps)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = self.network(images)
        return [maps[str(i)] for i in range(len(self.taps))]


def build_backbone(name: str, taps: Sequence[str], size: int, weights: Weights = "random") -> Backbone:
    """Build a network with ``build_network`` and take features at ``taps``.

    ``weights`` may also be those of a run of any method. Raises InputError as ``build_network`` does, for an unknown
    tap, for a size that is too small, and for a run whose backbone is another or does not reach these taps.
    """
    of_run = weights if isinstance(weights, SavedWeights) and weights.of_run else None
    network = build_network(name, "random" if of_run else weights)
    layers = {f"network.{key}" for key in network.state_dict()}
    backbone = Backbone(network, taps, size)
    if of_run:
        _load_backbone_of_run(backbone, of_run, layers)
    return backbone


def build_network(name: str, weights: Weights = "random") -> nn.Module:
    """Build a library's complete network, ``torchvision/<name>`` or ``timm/<name>``, or ``sketchseek/sketch_a_net``,
    and load its weights.

    Saved weights must have the library's key names; keys of the classifier may be missing or superfluous. Raises
    InputError for an unknown name, for weights that do not fit or are a run's, for a download that fails, and for
    pretrained weights of Sketch-a-Net, which nobody publishes in a form that can be read here.
    """
    library, _, model = name.partition("/")
    pretrained = weights == "pretrained"
    network: nn.Module
    try:
        if library == "torchvision":
            import torchvision

            # GoogLeNet and Inception rescale their input when pretrained, but the method does the normalisation. They
            # also warn unless the initialisation of random weights is chosen.
            options = {"transform_input": False, "init_weights": False} if model in RESCALING else {}
            network = torchvision.models.get_model(model, weights="IMAGENET1K_V1" if pretrained else None, **options)
        elif library == "timm":
            import timm

            network = timm.create_model(model, pretrained=pretrained)
            if not pretrained and isinstance(network, timm.models.VisionTransformer):
                # The initialisation of the ViT paper. With timm's own, a deviation of 0.02 in every layer, all
                # drawings have nearly the same class token, which a hundred contrastive steps did not change.
                network.init_weights("jax")
        elif name == "sketchseek/sketch_a_net":
            if pretrained:
                raise InputError("there are no weights of Sketch-a-Net to download; give --weights FILE or random")
            network = sketch_a_net()
        else:
            raise InputError(f"backbone '{name}': write torchvision/<name>, timm/<name> or sketchseek/sketch_a_net")
    except InputError:
        raise
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise InputError(f"backbone '{name}': {library} has no such network ({_first_line(error)})") from error
        raise InputError(
            f"the weights of '{name}' could not be downloaded ({_first_line(error)}); "
            "give a local .safetensors file with --weights FILE, or --weights random"
        ) from error
    except ValueError as error:
        raise InputError(f"backbone '{name}': {library} has no such network ({_first_line(error)})") from error
    if isinstance(weights, SavedWeights):
        _load_weights(network, weights)
    return network


def _load_weights(network: nn.Module, weights: SavedWeights) -> None:
    """Load saved weights into a library's complete network.

    Raises InputError for unknown keys, for wrong shapes, and for missing keys, except those of the classifier.
    """
    if weights.of_run:
        raise InputError(f"{weights.source}: a run's backbone cannot be taken here; give a weights file")
    try:
        result = network.load_state_dict(weights.state, strict=False)
    except RuntimeError as error:
        raise InputError(f"{weights.source}: these weights do not fit the backbone ({_first_line(error)})") from error
    heads = ("classifier", "fc", "head", "AuxLogits", "aux")
    missing = [k for k in result.missing_keys if not k.startswith(heads) and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in result.unexpected_keys if not k.startswith(heads)]
    if missing or unexpected:
        raise InputError(
            f"{weights.source}: these weights belong to another network "
            f"(missing {missing[:3] or 'none'}, left over {unexpected[:3] or 'none'})"
        )


def _load_backbone_of_run(backbone: Backbone, weights: SavedWeights, layers: set[str]) -> None:
    """Load the backbone trained by a run, whose taps may be different.

    ``layers`` are the keys of the library's complete network. Keys of the run among them that ``backbone`` does not
    have are ignored, because these layers were removed here.
    """
    state = {key.removeprefix("backbone."): v for key, v in weights.state.items() if key.startswith("backbone.")}
    wanted = backbone.state_dict()
    missing, unexpected = sorted(wanted.keys() - state.keys()), sorted(state.keys() - layers)
    wrong = [key for key in wanted.keys() & state.keys() if wanted[key].shape != state[key].shape]
    if missing or unexpected or wrong:
        raise InputError(
            f"{weights.source}: this run's backbone is another (missing {missing[:3] or 'none'}, left over "
            f"{unexpected[:3] or 'none'}, of another shape {wrong[:3] or 'none'}); give a run with this backbone"
        )
    backbone.load_state_dict({key: state[key] for key in wanted})


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
