"""A projection to the single-vector form, for features that are too large for the vector index."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_AT_ONCE = 4096  # inputs converted to double precision together
_ROUNDING = 1e-10  # variances below this share of the largest are rounding errors


class CandidateProjection(nn.Module):
    """A fixed affine map to at most ``dimensions`` numbers: principal components of the photos it is fitted to.

    Euclidean distances between its outputs approximate those between its inputs, from below. Before ``fit`` it is a
    fixed random orthogonal projection. It is not trained: mean ``[inputs]`` and basis ``[inputs, outputs]`` are
    buffers.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, inputs: int, dimensions: int = 512) -> None:
        super().__init__()
        outputs = min(dimensions, inputs)
        # Each input contributes to one output, with a random sign: orthogonal columns at no cost for any number.
        generator = torch.Generator().manual_seed(0)
        output = torch.empty(inputs, dtype=torch.long)
        output[torch.randperm(inputs, generator=generator)] = torch.arange(inputs) % outputs
        sign = 2.0 * torch.randint(2, (inputs,), generator=generator) - 1
        basis = torch.zeros(inputs, outputs)
        basis[torch.arange(inputs), output] = sign / output.bincount()[output].sqrt()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("basis", basis)

    def forward(self, x: Tensor) -> Tensor:
        """Project ``[n, inputs]`` to ``[n, outputs]``, float32."""
        return (x.float() - self.mean) @ self.basis

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """Set mean and principal components from ``x`` ``[n, inputs]``, the largest variance first.

        Outputs beyond the rank of the data are zero.
        """
        x = x.to(self.basis)
        self.mean.copy_(x.mean(0))
        centred = x - self.mean
        # Singular value decomposition of `centred` by means of the smaller of its two Gram matrices.
        few = len(x) < x.shape[1]
        wide = centred if few else centred.T
        gram = sum(part.double() @ part.double().T for part in wide.split(_AT_ONCE, dim=1))
        squares, vectors = torch.linalg.eigh(gram)  # ascending
        largest = squares.argsort(descending=True)[: self.basis.shape[1]]
        largest = largest[squares[largest] > _ROUNDING * squares[-1]]
        components = vectors[:, largest]
        if few:
            components = centred.T @ (components / squares[largest].sqrt()).to(centred)
        self.basis.zero_()
        self.basis[:, : len(largest)] = components
