"""Fuse a sketch and a text into one query (FVLP, fine-tuning and retrieval with prior semantics)."""

from __future__ import annotations

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT, FeaturesOf
from sketchseek.matching.distances import EPSILON

FUSIONS = ("raw_sum", "unit_sum", "added")
# How many of the photos found by a text alone are re-ranked by image-text matching (ITM), as in FVLP's second stage.
ITM_CANDIDATES = 128


def fuse_features(
    sketch: FeaturesOf[ArrayT], text: FeaturesOf[ArrayT], weight: float, fusion: str
) -> FeaturesOf[ArrayT]:
    """The features of a query. With ``weight`` w below 1 they are those of the sketch, of which those that texts have
    too are fused by ``fuse``; by the fusion ``added`` the text's are added to them, w / (1 - w) times as large, for the
    matcher to compare each with photos. With w = 1 they are the text's alone.
    """
    if weight == 1:
        return text
    if fusion == "added":
        return {**sketch, **{name: weight / (1 - weight) * values for name, values in text.items()}}
    return {**sketch, **{name: fuse(sketch[name], values, weight, fusion) for name, values in text.items()}}


def fuse(sketch: ArrayT, text: ArrayT, weight: float, fusion: str) -> ArrayT:
    """The query of a ``sketch`` s and a ``text`` c, vectors ``[.., D]``; differentiable in torch.

    ``weight`` w is in 0..1: 0 is the sketch alone, 1 the text alone. FVLP's query is the unit vector
    q = n2((1 - w) a(s) + w a(c)), where n2 divides by the length; with w = 0.5, the paper's n2(s + c). ``raw_sum`` adds
    the projections unchanged (a is the identity), as FVLP is trained; ``unit_sum`` normalises each first (a is n2), as
    its released code searches.

    Raises ValueError for another fusion.
    """
    if fusion not in ("raw_sum", "unit_sum"):
        raise ValueError(f"fusion {fusion!r} is none of raw_sum, unit_sum")
    if fusion == "unit_sum":
        sketch, text = _unit(sketch), _unit(text)
    return _unit((1 - weight) * sketch + weight * text)


def _unit(vectors: ArrayT) -> ArrayT:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.vecdot(vectors, vectors) + EPSILON)[..., None]
