"""Export a training run to a model folder: ONNX graphs and one file of weights.

Before the folder is kept, onnxruntime and torch encode the same fixed set of sketches and photos, and their results are
compared (`compare`).
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.files import create_folder
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.experiment import load_network
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.network import MatchingNetwork, Network, RegionNetwork, StatefulNetwork, WordNetwork
from sketchseek.matching import Features
from sketchseek.model import Model, write_model_config
from sketchseek.model.names import Names
from sketchseek.model.preprocess import prepare_photo, prepare_sketch
from sketchseek.synthetic import generate

Weights = Literal["float32", "float16"]

OPSET = 20
ALIGNMENT = 64
SMALL = 1024  # bytes; smaller tensors (shapes, scales) are stored in the graph and not in weights.bin
FROZEN_THINGS = 48  # photos of the fixed set that torch and onnxruntime are compared on, with one sketch of each
FROZEN_SEED = 20_200
TOLERANCE = 1e-3  # largest difference allowed of any feature value; relative to the length of features longer than 1
FROZEN_WORDS = 8  # captions of the fixed set that are matched with all its photos


@dataclass(frozen=True)
class Parity:
    """How closely the results of onnxruntime agree with those of torch on the fixed set of sketches and photos.

    The largest absolute difference of a feature value (relative to the length of features longer than 1), that of a
    similarity, and the share (0 to 1) of sketches with the same ten best photos in the same order, ties aside.
    """

    feature_difference: float
    similarity_difference: float
    same_top_10: float


def export_run(
    run_folder: Path, out: Path, card: Mapping[str, Any] | None, weights: Weights, strategy: str | None = None
) -> Parity:
    """As ``train_and_export.export``, which imports this module, and with it torch, only when it is called."""
    if out.exists():
        raise InputError(f"{out}: already exists; give a new folder")
    network, run = load_network(run_folder)
    reference = TorchEncoder(network.cpu(), run.config["size"], strategy)
    own = {"name": network.matcher, "parameters": dict(network.matcher_parameters)}
    fold_batch_norms(network)
    if weights == "float16":
        _round_to_float16(network)
    size = run.config["size"]
    card = {"name": run_folder.resolve().name, **(card or {}), **asdict(run.trained)}
    with create_folder(out) as unfinished:
        shapes = {}
        blob = _Blob(weights)
        for name, (encode, examples) in _graphs(network, size).items():
            graph, shapes[name] = _trace(network, encode, examples)
            blob.absorb(graph)
            (unfinished / f"{name}.onnx").write_bytes(graph.SerializeToString())
        (unfinished / "weights.bin").write_bytes(bytes(blob.data))
        config = {
            "method": run.method,
            "size": size,
            "matcher": network.strategies[strategy] if strategy else own,
            "features": shapes["photo"],
            # It was fitted to the run's own way of comparing.
            "confidence": run.confidence.to_json() if run.confidence and not strategy else None,
            "card": card,
        }
        if network.strategies:
            config["strategies"] = {name: dict(matcher) for name, matcher in network.strategies.items()}
        if reference.has_words:
            assert isinstance(network, WordNetwork)
            tokenizer = network.tokenizer
            if isinstance(tokenizer, Names):
                tokenizer.save(unfinished / "names.json")
            else:
                assert tokenizer is not None, "training made it"
                tokenizer.save(str(unfinished / "tokenizer.json"))
            length = _example_tokens(network).shape[1]
            config["words"] = {"fusion": network.fusion, "length": length, "query": network.query}
        if isinstance(network, StatefulNetwork) and network.state:
            config["state"] = network.state
        if isinstance(network, RegionNetwork):
            config["regions"] = network.regions
        (unfinished / "README.md").write_text(_readme(config))
        write_model_config(unfinished, config)
        parity = compare(reference, Model.load(unfinished))
        if parity.same_top_10 < 1 or parity.feature_difference > TOLERANCE:
            raise InputError(
                f"{out}: not exported, onnxruntime disagrees with torch "
                f"(largest difference {parity.feature_difference:.1e}, "
                f"same ten best photos for {parity.same_top_10:.0%} of the sketches)"
            )
        config["card"] = card | {"parity": vars(parity)}
        (unfinished / "README.md").write_text(_readme(config))
        write_model_config(unfinished, config)
    return parity


@cache
def frozen_set(size: int) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8], list[str]]:
    """The sketches (ink), photos and texts that onnxruntime is compared with torch on.

    They are generated from a fixed seed, so they are always the same. ``size`` is the side of an image in pixels.
    """
    things = [generate(index, FROZEN_SEED, drawers=1) for index in range(FROZEN_THINGS)]
    ink = [prepare_sketch(t.sketches[0], size) for t in things]
    return ink, np.stack([prepare_photo(t.photo, size) for t in things]), [t.words for t in things]


def compare(reference: TorchEncoder, model: Model) -> Parity:
    """Encode `frozen_set` with both and compare the features, the similarities and the ten best photos of each sketch.

    For a model with words, the features of the texts (or of the names that it knows) are compared too, and, where the
    model can match texts with photos, the matching logits of `FROZEN_WORDS` texts with every photo.
    """
    ink, photos, texts = frozen_set(model.size)
    expected = (reference.encode_sketches(ink), reference.encode_photos(photos))
    found = (model.encode_sketches(ink), model.encode_photos(photos))
    difference = max(_largest_difference(e, f) for e, f in zip(expected, found, strict=True))
    if reference.has_words:
        texts = texts if reference.names is None else list(reference.names)
        difference = max(difference, _largest_difference(reference.encode_text(texts), model.encode_text(texts)))
    if reference.can_match:
        tokens = expected[1]["tokens"]
        for text in texts[:FROZEN_WORDS]:
            gap = float(np.abs(reference.match(text, tokens) - model.match(text, tokens)).max())
            difference = max(difference, gap)
    wanted = reference.matcher.similarity(*expected)
    got = model.matcher.similarity(*found)
    gap = float(np.abs(wanted - got).max())
    # Two photos may swap places where their similarities differ by less than the two runtimes do (a tie).
    best = np.argsort(-got, axis=1, kind="stable")[:, :10]
    in_order = np.take_along_axis(wanted, best, axis=1)
    threshold = -np.sort(-wanted, axis=1)[:, :10]
    same = (np.abs(in_order - threshold) <= 2 * gap).all(axis=1)
    return Parity(difference, gap, float(same.mean()))


def _largest_difference(expected: Features, found: Features) -> float:
    """Return the largest difference of any feature value, relative to the length of features longer than 1."""
    differences = []
    for name, values in expected.items():
        length = float(np.linalg.norm(values, axis=-1).max())
        differences.append(float(np.abs(values - found[name]).max()) / max(length, 1.0))
    return max(differences)


def _round_to_float16(network: nn.Module) -> None:
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


_Encoding: TypeAlias = Callable[..., dict[str, Tensor]]  # of the network and the graph's inputs


def _graphs(network: Network, size: int) -> dict[str, tuple[_Encoding, dict[str, Tensor]]]:
    """Return, for each graph of the model folder, the function that it computes and example inputs by name."""
    photos = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    ink = torch.zeros(2, size, size, dtype=torch.uint8)
    graphs: dict[str, tuple[_Encoding, dict[str, Tensor]]] = {}
    graphs["photo"] = (lambda network, photo: network.encode_photo(photo)), {"photo": photos}
    if isinstance(network, WordNetwork) and network.tokenizer is not None:
        tokens = _example_tokens(network)
        graphs["text"] = (lambda network, tokens: network.encode_text(tokens)), {"tokens": tokens}
        if isinstance(network, MatchingNetwork) and network.can_match:
            with torch.inference_mode():
                of_photos = network.encode_photo(photos)["tokens"]
            graphs["match"] = (
                (lambda network, tokens, photo_tokens: {"logit": network.match(tokens, photo_tokens)}),
                {"tokens": tokens, "photo_tokens": of_photos},
            )
    if isinstance(network, StatefulNetwork) and network.state:
        graphs["sketch"] = _next_frame, {"ink": ink, "state": torch.zeros(2, network.state)}
        return graphs
    if not isinstance(network, RegionNetwork):
        graphs["sketch"] = (lambda network, ink: network.encode_sketch(ink)), {"ink": ink}
        return graphs
    crops = torch.zeros(2, size // network.regions, size // network.regions, dtype=torch.uint8)
    with torch.inference_mode():
        regions = network.encode_regions(crops)[:, None].repeat_interleave(network.regions**2, dim=1)
    graphs["region"] = (lambda network, crop: {"region": network.encode_regions(crop)}), {"crop": crops}
    graphs["sketch"] = (
        (lambda network, ink, regions: network.join(network.encode_whole(ink), regions)),
        {"ink": ink, "regions": regions},
    )
    return graphs


def _next_frame(network: Any, ink: Tensor, state: Tensor) -> dict[str, Tensor]:
    features, after = network.encode_next(ink, state)
    return {**features, "after": after}


def _example_tokens(network: WordNetwork) -> Tensor:
    """The tokens of two texts."""
    tokenizer = network.tokenizer
    if isinstance(tokenizer, Names):
        return torch.from_numpy(tokenizer.tokens(list(tokenizer)[:1] * 2))
    assert tokenizer is not None, "training made it"
    return torch.tensor([encoded.ids for encoded in tokenizer.encode_batch(["one", "another"])])


class _Encode(nn.Module):
    """The computation of one graph as a module, as the exporter needs it.

    The features are returned as a tuple, sorted by their names.
    """

    def __init__(self, network: nn.Module, encode: _Encoding) -> None:
        super().__init__()
        self.network = network
        self.encode = encode

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        features = self.encode(self.network, *inputs)
        return tuple(features[name] for name in sorted(features))


def _trace(network: nn.Module, encode: _Encoding, examples: dict[str, Tensor]) -> tuple[Any, dict[str, list[int]]]:
    """Return the ONNX graph of an encoding and the shape of each feature without the batch axis."""
    with torch.inference_mode():
        features = encode(network, *examples.values())
    names = sorted(features)
    batch = torch.export.Dim("batch", min=1, max=4096)
    quiet = io.StringIO()  # the exporter reports its progress on stdout
    # The optimizer warns of every operation that it cannot fold into a constant; the graph is right all the same.
    logging.getLogger("onnxscript.optimizer").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(quiet), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Encode(copy.deepcopy(network), encode).eval(),
            tuple(examples.values()),
            input_names=list(examples),
            output_names=names,
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(tuple({0: batch} for _ in examples),),
            verbose=False,
        )
    assert program is not None
    return program.model_proto, {n: list(features[n].shape[1:]) for n in names}


class _Blob:
    """The content of weights.bin: the weights of all graphs, as float32 or float16.

    A tensor that several graphs use is stored once.
    """

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.data = bytearray()
        self.offsets: dict[str, int] = {}

    def absorb(self, graph: Any) -> None:
        """Move the large initialisers (constant tensors) of ``graph`` into the file.

        Each one stored as float16 is followed by a Cast to float32, which onnxruntime computes once, at loading.
        """
        import onnx

        casts = []
        for tensor in graph.graph.initializer:
            array = onnx.numpy_helper.to_array(tensor)
            if array.nbytes < SMALL:
                continue
            if array.dtype == np.float32 and self.weights == "float16":
                array = array.astype(np.float16)
                stored = tensor.name + ".float16"
                casts.append(onnx.helper.make_node("Cast", [stored], [tensor.name], to=onnx.TensorProto.FLOAT))
                tensor.name, tensor.data_type = stored, onnx.TensorProto.FLOAT16
            offset = self._place(array)
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            del tensor.external_data[:]
            for key, value in (("location", "weights.bin"), ("offset", offset), ("length", array.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
        nodes = [*casts, *graph.graph.node]
        del graph.graph.node[:]
        graph.graph.node.extend(nodes)
        # The exporter records the source line behind each node, with paths of this machine; remove them.
        for node in graph.graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
        del graph.graph.metadata_props[:]
        del graph.metadata_props[:]

    def _place(self, array: NDArray[Any]) -> int:
        content = np.ascontiguousarray(array).tobytes()
        key = hashlib.sha256(content).hexdigest()
        if key not in self.offsets:
            self.data += b"\0" * (-len(self.data) % ALIGNMENT)
            self.offsets[key] = len(self.data)
            self.data += content
        return self.offsets[key]


def _readme(config: dict[str, Any]) -> str:
    card = config["card"]
    lines = [f"# {card.get('name', config['method'])}", ""]
    if card.get("about"):
        lines += [card["about"], ""]
    lines += [f"Method `{config['method']}`, input {config['size']} px, matched by {config['matcher']['name']}.", ""]
    rest = {k: v for k, v in card.items() if k not in ("name", "about")}
    return "\n".join([*lines, "```json", json.dumps(rest, indent=1), "```", ""])
