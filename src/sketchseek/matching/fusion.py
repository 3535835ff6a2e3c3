"""One query of a sketch and of words: FVLP, sections on fine-tuning and on retrieval with prior semantics."""

from __future__ import annotations

from array_api_compat import array_namespace

from sketchseek.matching.base import Array
from sketchseek.matching.distances import TINY

FUSIONS = ("raw_sum", "unit_sum")
# Photos that words alone are matched with one by one after their vectors were compared (ITM): as many as FVLP's own
# second stage looks at.
MATCHED = 128


def fuse(sketch: Array, text: Array, weight: float, fusion: str) -> Array:
    """The query q = n2((1 - weight) a(s) + weight a(c)), unit vectors ``[.., D]``; differentiable in torch.

    ``sketch`` s and ``text`` c are the projections ``[.., D]``, not normalised; n2 divides by the length. ``raw_sum``
    adds them as they are, as FVLP is trained; ``unit_sum`` makes unit vectors of them first, as its released code
    searches. ``weight`` is in 0..1: 0 is the sketch alone, 1 the words alone, 0.5 the paper's own n2(s + c).

    Raises ValueError for another fusion.
    """
    if fusion not in FUSIONS:
        raise ValueError(f"fusion {fusion!r} is none of {', '.join(FUSIONS)}")
    if fusion == "unit_sum":
        sketch, text = _unit(sketch), _unit(text)
    return _unit((1 - weight) * sketch + weight * text)


def _unit(vectors: Array) -> Array:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.vecdot(vectors, vectors) + TINY)[..., None]
