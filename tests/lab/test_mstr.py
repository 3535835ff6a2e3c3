"""MSTR: its grids, its target map and its loss, and that everything in it is trained, saved and of one image alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from sketchseek.errors import InputError
from sketchseek.lab.methods.arnet.config import PRESETS
from sketchseek.lab.methods.arnet.mstr import (
    MultiScaleRecycling,
    grid_sides,
    recycling_loss,
    target_map,
)
from sketchseek.lab.methods.arnet.network import build

CONFIG = replace(PRESETS["bench"], size=64, backbone="timm/vit_tiny_patch16_224")


def mstr(side: int = 14, width: int = 32, out: int = 32) -> MultiScaleRecycling:
    torch.manual_seed(0)
    return MultiScaleRecycling(side, width, heads=4, out=out)


def test_the_papers_grids_have_249_tokens_and_the_papers_transformers_their_parameters() -> None:
    assert grid_sides(14) == (14, 7, 2)
    module = MultiScaleRecycling(14, 768, heads=8, out=768)
    assert [sum(p.numel() for p in t.parameters()) for t in module.transformers] == [11_027_968] * 3
    assert module.across.weight.shape == (1, 249)


def test_pooling_is_over_blocks_of_neighbours() -> None:
    cells = torch.randn(2, 196, 5)
    pooled = mstr().pooling @ cells
    image = cells.transpose(1, 2).unflatten(2, (14, 14))
    for side, tokens in ((7, pooled[:, :49]), (2, pooled[:, 49:])):
        expected = torch.nn.functional.adaptive_avg_pool2d(image, side).flatten(2).transpose(1, 2)
        torch.testing.assert_close(tokens, expected)


def test_the_target_relates_a_cell_to_the_ones_that_hold_its_centre() -> None:
    target = target_map((14, 7, 2))
    assert torch.equal(target, target.T)
    assert (target == 1).sum() == 249 and (target == 0.5).sum() == 2 * (196 + 196 + 49)
    fine, coarse = 14 * 5 + 3, 196 + 7 * 2 + 1  # row 5, column 3 lies in row 2, column 1 of the 7 x 7
    assert target[fine, coarse] == 0.5 and target[fine, 196:245].sum() == 0.5
    # 3 of 7 columns have their centre in the left half; that of the middle one is on the border and goes right.
    assert (target[245, 196:245] == 0.5).sum() == 9 and (target[248, 196:245] == 0.5).sum() == 16


@settings(max_examples=25)
@given(side=st.integers(1, 20))
def test_every_cell_has_one_parent_in_each_coarser_grid(side: int) -> None:
    sides = grid_sides(side)
    target = target_map(sides)
    counts = [s**2 for s in sides]
    assert torch.equal(target, target.T) and bool((target.diagonal() == 1).all())
    blocks = target.split(counts, dim=1)
    for coarse in (1, 2):
        finer = sum(counts[:coarse])
        assert bool((blocks[coarse][:finer].sum(1) == 0.5).all())


def test_the_loss_is_that_of_the_gram_matrices() -> None:
    target = target_map((14, 7, 2))
    groups = torch.randn(3, 249, 16, requires_grad=True)
    expected = (groups @ groups.transpose(1, 2) - target).square().mean()
    (gradient,) = torch.autograd.grad(expected, groups)
    loss = recycling_loss(groups, target)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(torch.autograd.grad(loss, groups)[0], gradient)


def test_the_loss_of_a_large_batch_holds_no_matrix_of_any_image() -> None:
    kept = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    groups = torch.randn(256, 249, 16, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        recycling_loss(groups, target_map((14, 7, 2)))
    assert sum(kept.values()) < 32 * 2**20  # one set of Gram matrices is 64 MB


def test_tokens_attend_within_their_own_image() -> None:
    module = mstr(out=48).eval()
    cells = torch.randn(4, 196, 32)
    with torch.no_grad():
        together, groups = module(cells)
        alone, _ = module(cells[2:3])
    assert together.shape == (4, 48) and groups.shape == (4, 249, 16)
    torch.testing.assert_close(together[2:3], alone, atol=1e-5, rtol=1e-5)


def test_an_embedding_does_not_depend_on_its_batch_mates_and_repeats() -> None:
    network = build(CONFIG).eval()
    ink = torch.randint(0, 256, (5, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        together, again, alone = (network.encode_sketch(x)["vector"] for x in (ink, ink, ink[1:2]))
    assert torch.equal(together, again), "dropout is off"
    torch.testing.assert_close(together[1:2], alone, atol=1e-6, rtol=1e-5)


def test_everything_that_is_trained_is_saved() -> None:
    network, other = build(CONFIG), build(CONFIG)
    ink = torch.randint(0, 256, (4, 64, 64), dtype=torch.uint8)
    photos = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    sketch, photo = network(ink, photos)
    assert network.sketch.recycling is not None
    target = network.sketch.recycling.target
    loss = sum(encoded.embedding.square().sum() + recycling_loss(encoded.groups, target) for encoded in (sketch, photo))
    loss.backward()
    recycling = {name: p for name, p in network.named_parameters() if ".recycling." in name}
    assert len(recycling) > 100 and all(p.grad is not None and p.grad.abs().sum() > 0 for p in recycling.values())
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        expected, found = (n.eval().encode_photo(photos)["vector"] for n in (network, other))
    assert torch.equal(expected, found)


def test_widths_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of 16 and of recycling_heads, 5"):
        MultiScaleRecycling(14, 96, heads=5, out=96)
