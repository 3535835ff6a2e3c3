"""Networks by their torchvision or timm name, cut at named taps.

A tap is the name of a module inside the network, as ``named_modules`` prints it; the backbone returns the output of
each. Layers that no tap needs are cut away, classifiers included.
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
from sketchseek.lab.backbones.relu6 import use_thrifty_relu6

# The networks of torchvision that know of `transform_input`.
RESCALING = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class SavedWeights:
    """A state dict that was read from ``source``, which messages name: of a whole network of the library, or with
    ``of_run`` of a network that was trained here, whose ``backbone`` is wanted.
    """

    source: Path
    state: Mapping[str, Tensor]
    of_run: bool = False


# A backbone's first weights; ``pretrained`` is the library's own download, which needs the internet once.
Weights: TypeAlias = Literal["random", "pretrained"] | SavedWeights


class Backbone(nn.Module):
    """``forward(images [B, 3, S, S]) -> list of feature maps``, one per tap, in the order of the taps.

    ``channels`` holds the number of channels of each tap's map, ``sides`` its side in cells for an input of ``size``
    px.
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
            # GoogLeNet and Inception have heads in training alone; these are cut away with the rest.
            warnings.filterwarnings("ignore", "NOTE: The nodes obtained by tracing")
            self.network = create_feature_extractor(network, {tap: str(i) for i, tap in enumerate(taps)})
        use_thrifty_relu6(self.network)
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
    """``build_network``, cut at the taps; ``weights`` may also be of a run, of any method. Raises InputError as it
    does, for an unknown tap or a size too small, and for a run of another backbone or of one that was cut before these
    taps.
    """
    of_run = weights if isinstance(weights, SavedWeights) and weights.of_run else None
    network = build_network(name, "random" if of_run else weights)
    layers = {f"network.{key}" for key in network.state_dict()}
    backbone = Backbone(network, taps, size)
    if of_run:
        _load_backbone_of_run(backbone, of_run, layers)
    return backbone


def build_network(name: str, weights: Weights = "random") -> nn.Module:
    """The library's whole network, ``torchvision/<name>`` or ``timm/<name>``, with its weights loaded.

    Saved weights have the library's key names; keys of the classifier may be missing or left over. Raises InputError
    for an unknown name, for weights that do not fit or are of a run, and for a download that fails.
    """
    library, _, model = name.partition("/")
    pretrained = weights == "pretrained"
    network: nn.Module
    try:
        if library == "torchvision":
            import torchvision

            # GoogLeNet and Inception rescale their input when pretrained, but normalisation is the method's; and they
            # warn where nobody says how random weights are drawn.
            options = {"transform_input": False, "init_weights": False} if model in RESCALING else {}
            network = torchvision.models.get_model(model, weights="IMAGENET1K_V1" if pretrained else None, **options)
        elif library == "timm":
            import timm

            network = timm.create_model(model, pretrained=pretrained)
            if not pretrained and isinstance(network, timm.models.VisionTransformer):
                # As their paper begins. From timm's own beginning, a deviation of 0.02 in every layer, all drawings
                # have nearly one class token, and a hundred steps of contrast did not drive them apart.
                network.init_weights("jax")
        else:
            raise InputError(f"backbone '{name}': write torchvision/<name> or timm/<name>")
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
    """Load saved weights into a whole library network. Keys the network lacks are an error, as are wrong shapes and
    weights that leave more of the network empty than its classifier.
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
    """Load the backbone that a run trained. Its taps may be others: what it has of ``layers``, all those of the
    library's network, and ``backbone`` has not, was cut away.
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
