"""In which numbers a network computes on this machine."""

from __future__ import annotations

import torch


def usable_precision(wanted: str) -> str:
    """``wanted`` or, where there is no GPU and the processor has no instructions for bfloat16, ``fp32`` in place of
    ``bf16``: emulated, a step of MobileNetV2 takes fifteen times as long (33 s and 2.2 s on a processor with AVX2).
    """
    if wanted == "bf16" and not torch.cuda.is_available() and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "fp32"
    return wanted
