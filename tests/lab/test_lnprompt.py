"""LN-Prompt: what is trained and what stays, its losses, its words, and the zero-shot protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Photo, SketchItem, Split, merge, split_hash
from sketchseek.lab.evaluation import evaluate as evaluation
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.lnprompt.config import Config, TextTower
from sketchseek.lab.methods.lnprompt.network import build
from sketchseek.lab.methods.lnprompt.objective import category_triplet, phases, shuffled

VIT = "timm/vit_tiny_patch16_224"  # twelve blocks of width 192


def tiny(row: str, **changes: Any) -> Config:
    config = get_method("lnprompt").config("paper", row)
    return replace(config, backbone=VIT, size=32, projection=False, **changes)


@pytest.mark.parametrize(("row", "trained"), [("frozen", 0), ("prompts", 1), ("norms", 50), ("full", 51)])
def test_prompts_and_norms_alone_are_trained(row: str, trained: int) -> None:
    torch.manual_seed(0)
    network = build(tiny(row))
    assert sum(p.requires_grad for p in network.parameters()) == trained
    before = {name: value.clone() for name, value in network.state_dict().items()}
    pairs: Any = SimpleNamespace(category_of_photo=np.zeros(4, dtype=np.int64), at=None)
    config = replace(tiny(row), training=replace(tiny(row).training, pairs=4, epochs=None, batch=4))
    found = phases(config, network, pairs)
    assert len(found) == (row != "frozen")
    ink = torch.randint(0, 256, (4, 32, 32)).float()
    batch: Any = SimpleNamespace(ink=ink, photos=torch.rand(4, 32, 32, 3) * 255, photo=torch.arange(4))
    for phase in found:
        phase.train_mode(network)
        phase.loss(network, batch, 0.0)["loss"].backward()
        (optimizer,) = phase.optimizers.values()
        assert {g["lr"] for g in optimizer.param_groups} <= {1e-4, 1e-3}
        optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert all("norm" in name or name == "body.prompts" for name in changed) and bool(changed) == (row != "frozen")


def test_prompts_take_part_in_attention_and_leave_before_the_head() -> None:
    """Block by block, with the prompts behind the image's tokens."""
    torch.manual_seed(0)
    network: Any = build(tiny("full")).eval()
    vit, images = network.body.network, torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        found = network.body(images)
        tokens = torch.cat([vit.cls_token.expand(2, -1, -1), vit.patch_embed(images)], dim=1) + vit.pos_embed
        tokens = torch.cat([vit.norm_pre(tokens), network.body.prompts.expand(2, -1, -1)], dim=1)
        for block in vit.blocks:
            tokens = block(tokens)
        expected = vit.fc_norm(vit.norm(tokens))[:, 0]
        network.body.prompts.mul_(50)
        moved = network.body(images)
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(found, moved, atol=1e-3)


def test_losses_entry_by_entry() -> None:
    vectors = nn.functional.normalize(torch.randn(6, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    s, p = vectors[:3], vectors[3:]
    category = torch.tensor([0, 0, 1])  # 0 and 1 are each other's only negative; 2 takes either
    distance = lambda i, j: 1 - float(s[i] @ p[j])  # noqa: E731
    fixed = sum(max(0.0, 0.2 + distance(i, i) - distance(i, 1 - i)) for i in (0, 1))
    either = {round((fixed + max(0.0, 0.2 + distance(2, 2) - distance(2, j))) / 3, 5) for j in (0, 1)}
    assert {round(category_triplet(s, p, category, 0.2).item(), 5) for _ in range(30)} == either
    image = torch.arange(16).view(1, 4, 4)
    order = torch.tensor([[3, 0, 1, 2]])
    assert shuffled(image, order)[0].tolist() == [[10, 11, 0, 1], [14, 15, 4, 5], [2, 3, 8, 9], [6, 7, 12, 13]]
    coloured = image[..., None].expand(-1, -1, -1, 3)
    assert torch.equal(shuffled(coloured, order)[..., 1], shuffled(image, order))


def test_settings_that_contradict_each_other_are_refused() -> None:
    bench = get_method("lnprompt").config("bench")
    with pytest.raises(InputError, match="of transformers"):
        build(replace(bench, prompts=3))
    with pytest.raises(InputError, match="shuffle_grid=3 does not divide"):
        build(replace(bench, shuffle_grid=3))
    with pytest.raises(InputError, match="no ViT of timm"):
        build(replace(tiny("full"), backbone="timm/test_resnet.r160_in1k"))


def test_words_are_those_of_clip_s_text_tower(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    shape = TextTower(layers=2, width=16, heads=2, vocabulary=12, length=6)
    stock = transformers.CLIPTextModelWithProjection(
        transformers.CLIPTextConfig(
            vocab_size=12,
            hidden_size=16,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=6,
            projection_dim=192,
            eos_token_id=11,
            bos_token_id=10,
            pad_token_id=0,
        )
    ).eval()
    stock.save_pretrained(tmp_path / "clip")
    tokenizer = Tokenizer(WordLevel({"!": 0, "a": 1, "red": 2, "chair": 3, "<s>": 10, "<e>": 11}, unk_token="!"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A <e>", special_tokens=[("<s>", 10), ("<e>", 11)])
    tokenizer.save(str(tmp_path / "clip" / "tokenizer.json"))
    config = tiny("full", text=shape, words=str(tmp_path / "clip"))
    network: Any = build(config)
    assert not network.tokenizer  # of random weights
    network.text.load(tmp_path / "clip")
    tokens = torch.tensor([e.ids for e in network.tokenizer.encode_batch(["a red chair", "chair"])])
    assert tokens.tolist() == [[10, 1, 2, 3, 11, 0], [10, 3, 11, 0, 0, 0]]
    with torch.no_grad():
        expected = nn.functional.normalize(stock(input_ids=tokens).text_embeds, dim=1)
        torch.testing.assert_close(network.encode_text(tokens)["vector"], expected)
    again: Any = build(config)
    again.load_state_dict(network.state_dict())
    assert again.tokenizer.encode("a red chair").ids == tokens[0].tolist()
    wider: Any = build(replace(config, text=replace(shape, width=32)))
    with pytest.raises(InputError, match="does not fit the config's"):
        wider.text.load(tmp_path / "clip")
    with pytest.raises(InputError, match=r"holds no CLIP"):
        network.text.load(tmp_path)


def test_a_sketch_is_ranked_within_its_category(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = tuple(Photo(f"{c}{i}", Path(f"{c}{i}.png"), c) for c, n in (("bat", 2), ("cow", 3)) for i in range(n))
    sketches = tuple(SketchItem(f"s{i}", i, Path(f"s{i}.png"), category=p.category) for i, p in enumerate(photos))
    split = Split(photos, sketches, within_category=True)
    similarity = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    found = evaluation._own_category_first(similarity, split, slice(None))
    for row, photo in enumerate(photos):
        mine = [column for column, other in enumerate(photos) if other.category == photo.category]
        order = np.argsort(-found[row]).tolist()
        assert order[: len(mine)] == sorted(mine, key=lambda column: -similarity[row, column])
    assert np.array_equal(
        evaluation._own_category_first(similarity, replace(split, within_category=False), slice(5)), similarity
    )
    assert split.gallery == 3 and replace(split, within_category=False).gallery == 5
    assert merge([split]).within_category and not merge([split, Split(photos)]).within_category
    assert split_hash(split) != split_hash(replace(split, within_category=False))
