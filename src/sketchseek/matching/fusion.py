"""Fuse a sketch and a text into one query vector (FVLP, fine-tuning and retrieval with prior semantics)."""

from __future__ import annotations

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT
from sketchseek.matching.distances import EPSILON

FUSIONS = ("raw_sum", "unit_sum")
# How many of the photos found by a text alone are re-ranked by image-text matching (ITM), as in FVLP's second stage.
ITM_CANDIDATES = 128


def fuse(sketch: ArrayT, text: ArrayT, weight: float, fusion: str) -> ArrayT:
    """The query q = n2((1 - weight) a(s) + weight a(c)), unit vectors ``[.., D]``; differentiable in torch.

    ``sketch`` s and ``text`` c are projections ``[.., D]``, not normalised; n2 divides by the length. The fusion
    ``raw_sum`` adds them unchanged (a is the identity), as FVLP is trained; ``unit_sum`` normalises each first
    (a is n2), as its released code searches. ``weight`` is in 0..1: 0 is the sketch alone, 1 the text alone, and 0.5
    the paper's n2(s + c).

    Raises ValueError for an unknown fusion.
    """
    if fusion not in FUSIONS:
        raise ValueError(f"fusion {fusion!r} is none of {', '.join(FUSIONS)}")
    if fusion == "unit_sum":
        sketch, text = _unit(sketch), _unit(text)
    return _unit((1 - weight) * sketch + weight * text)


def _unit(vectors: ArrayT) -> ArrayT:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.vecdot(vectors, vectors) + EPSILON)[..., None]
