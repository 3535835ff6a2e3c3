"""FVLP's towers as transformers saves them, and the released weights."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers
from safetensors.torch import load_file, save_file

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.methods.fvlp.config import PRESETS, Config
from sketchseek.lab.methods.fvlp.network import FVLP, build
from sketchseek.lab.methods.fvlp.published import initialise
from sketchseek.lab.methods.fvlp.towers import CLIP_DEVIATION, CLIP_MEAN

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "chair", "##s"]
SHAPE = {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
TINY = {
    "size": "64",
    "taps": "0,1,2,3",
    "vision.layers": "4",
    "vision.width": "32",
    "vision.heads": "4",
    "text.layers": "4",
    "text.width": "32",
    "text.heads": "4",
    "vocabulary": str(len(VOCABULARY) + 2),
    "channels": "16",
    "embedding": "16",
    "length": "12",
}


def tiny(preset: str = "paper", **changes: str) -> Config:
    return override(PRESETS[preset], TINY | changes)


def save_stock(folder: Path, whole: bool, activation: str = "quick_gelu") -> None:
    """Stock towers with random weights, alone or as parts of what they are published in."""
    torch.manual_seed(1)
    bert_config = transformers.BertConfig(vocab_size=len(VOCABULARY), **SHAPE)
    bert = transformers.BertForPreTraining(bert_config) if whole else transformers.BertModel(bert_config)
    vision = {**SHAPE, "image_size": 64, "patch_size": 16, "hidden_act": activation}
    if whole:
        text = {**SHAPE, "vocab_size": 50, "eos_token_id": 2}
        clip = transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=vision))
    else:
        clip = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**vision))
    for model in (bert, clip):  # biases and norms begin as zeros and ones, by which nothing could be told apart
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    bert.save_pretrained(folder / "bert")
    clip.save_pretrained(folder / "clip")
    (folder / "bert" / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")


@pytest.fixture(scope="module", params=[False, True], ids=["towers", "whole models"])
def stock(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    save_stock(folder, whole=request.param)
    return folder


def test_stock_towers_compute_what_transformers_computes(stock: Path) -> None:
    network = build(tiny(towers=str(stock)), "pretrained").eval()
    images = torch.rand(2, 3, 64, 64)
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (CLIP_MEAN, CLIP_DEVIATION))
    clip = transformers.CLIPVisionModel.from_pretrained(stock / "clip").eval()
    bert = transformers.BertModel.from_pretrained(stock / "bert").eval()
    tokens = network.words.tokens(["a red chairs", "red"])
    with torch.no_grad():
        seen = network.vision(images)
        expected = clip((images - mean) / deviation, output_hidden_states=True)
        read = network.text(tokens)
        stock_read = bert(tokens, attention_mask=(tokens != 0).long()).last_hidden_state[:, 0]
    torch.testing.assert_close(seen.summary, expected.pooler_output)
    last = clip.post_layernorm(expected.hidden_states[4])
    torch.testing.assert_close(seen.tokens, last)
    blocks = [*expected.hidden_states[1:4], last]
    for index, block in enumerate(blocks):
        maps = seen.maps[:, 32 * index : 32 * (index + 1)]
        torch.testing.assert_close(maps.flatten(2).transpose(1, 2), block[:, 1:])
    torch.testing.assert_close(read, stock_read)


def test_words_read_a_photo_as_a_decoder_of_transformers_would_in_both_directions(stock: Path) -> None:
    network = build(tiny(towers=str(stock)), "pretrained").eval()
    tokens = network.words.tokens(["a red chair", "chairs"])
    photo = torch.randn(2, 17, 32)
    with_enc = tokens.clone()
    with_enc[:, 0] = len(VOCABULARY) + 1
    both_ways = (tokens != 0)[:, None, None, :].expand(-1, 1, 12, -1)
    with torch.no_grad():
        found = network.text(tokens, photo)
        expected = network.text.bert(
            with_enc, attention_mask=both_ways, encoder_hidden_states=photo, use_cache=False
        ).last_hidden_state[:, 0]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("tower", ["clip", "bert"])
@pytest.mark.parametrize("harm", ["missing", "unknown", "gone"])
def test_a_tower_that_does_not_match_is_refused(tower: str, harm: str, tmp_path: Path) -> None:
    save_stock(tmp_path, whole=False)
    path = tmp_path / tower / "model.safetensors"
    state = load_file(path)
    if harm == "missing":
        del state[next(key for key in state if "norm" in key.lower())]
    else:
        state["surplus.weight"] = torch.zeros(2)
    save_file(state, path, {"format": "pt"})
    if harm == "gone":
        path.unlink()
    with pytest.raises(InputError, match=f"{tower}: (is no whole tower|cannot be read)"):
        build(tiny(towers=str(tmp_path)), "pretrained")


def test_towers_of_another_kind_or_size_are_refused(tmp_path: Path) -> None:
    save_stock(tmp_path, whole=False, activation="gelu")
    with pytest.raises(InputError, match=r"another kind \(hidden_act=gelu"):
        build(tiny(towers=str(tmp_path)), "pretrained")
    save_stock(tmp_path / "right", whole=False)
    with pytest.raises(InputError, match=f"set vocabulary={len(VOCABULARY) + 2}"):
        build(tiny(towers=str(tmp_path / "right"), vocabulary="50"), "pretrained")
    with pytest.raises(InputError, match="another size"):
        build(tiny(towers=str(tmp_path / "right"), size="96"), "pretrained")
    (tmp_path / "right" / "bert" / "vocab.txt").unlink()
    with pytest.raises(InputError, match=r"no tokenizer\.json nor vocab\.txt"):
        build(tiny(towers=str(tmp_path / "right")), "pretrained")
    with pytest.raises(InputError, match="--set towers=DIR"):
        build(tiny(), "pretrained")


def released(network: FVLP) -> dict[str, torch.Tensor]:
    """The network's weights by the names of the released programs, with what else those files hold."""
    theirs = {
        "vision.clip.post_layernorm.": "visual_encoder.vision_model.post_layrnorm.",
        "vision.clip.": "visual_encoder.vision_model.",
        "text.bert.": "text_encoder.",
        "vision_projection.": "vision_proj.",
        "text_projection.": "text_proj.",
        "matching_head.": "itm_head.",
        "temperature": "temp",
        "multi_scale.convolution.": "conv.",
        "multi_scale.attention.logits.": "attn.net.",
    }
    state = {}
    for key, value in network.state_dict().items():
        part = next((part for part in theirs if key.startswith(part)), None)
        if part is not None and "token_type" not in key:
            state[theirs[part] + key.removeprefix(part)] = value.clone()
    state["visual_encoder_m.vision_model.class_embedding"] = torch.zeros(32)
    state["text_encoder.embeddings.position_ids"] = torch.arange(512)[None]
    state["text_queue"], state["ptr_queue"] = torch.zeros(16, 64), torch.zeros(1, dtype=torch.int64)
    return state


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path / "released.pth"


@pytest.mark.parametrize("preset", ["paper", "pre-training"])
def test_released_weights_are_read_whole(preset: str, weights: Path) -> None:
    source, network = build(tiny(preset)), build(tiny(preset))
    torch.save({"model": released(source), "optimizer": {"moments": torch.zeros(3)}, "epoch": 14}, weights)
    initialise(network, weights)
    for key, value in source.state_dict().items():
        if "token_type" in key:
            assert not network.state_dict()[key].any(), "the released text tower adds none"
        elif "_extra_state" not in key:
            assert torch.equal(network.state_dict()[key], value), key
    assert network.tokenizer is not None and network.tokenizer.token_to_id("chair") == 7


def test_fine_tuning_begins_with_what_pre_training_learnt(weights: Path) -> None:
    source, network = build(tiny("pre-training")), build(tiny())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    source.words.fit(["a red chair"])
    torch.save(released(source), weights)
    ours = weights.with_name("last.safetensors")
    save_file({k: v.contiguous() for k, v in source.state_dict().items()}, ours)
    for path in (weights, ours):
        initialise(network, path)
        for key, value in network.state_dict().items():
            if key.startswith(("multi_scale.", "vision_projection.")):
                assert torch.equal(value, before[key]), key
        assert torch.equal(network.text_projection.weight, source.text_projection.weight)
    assert network.tokenizer is not None and source.tokenizer is not None
    assert network.tokenizer.get_vocab() == source.tokenizer.get_vocab()


def test_released_weights_that_do_not_match_are_refused(weights: Path) -> None:
    network = build(tiny())
    state = released(build(tiny()))
    torch.save(state | {"text_decoder.cls.bias": torch.zeros(3)}, weights)
    with pytest.raises(InputError, match=r"unmatched \['text_decoder\.cls\.bias'\]"):
        initialise(network, weights)
    torch.save({key: value for key, value in state.items() if key != "itm_head.bias"}, weights)
    with pytest.raises(InputError, match=r"missing \['matching_head\.bias'\]"):
        initialise(network, weights)
    torch.save(state | {"text_proj.weight": torch.zeros(16, 8)}, weights)
    with pytest.raises(InputError, match=r"another shape \['text_projection\.weight'\]"):
        initialise(network, weights)
