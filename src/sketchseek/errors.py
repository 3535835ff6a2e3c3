"""The one error a person is meant to read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Modules that the base install lacks, and the extra that brings them.
EXTRAS = {
    **dict.fromkeys(
        ("accelerate", "matplotlib", "onnx", "onnxscript", "safetensors", "timm", "torch", "torchvision"), "train"
    ),
    "transformers": "text",
    "cv2": "faces",
}


class InputError(Exception):
    """Input that cannot be used.

    The message is one line that names the file (or option) and the fix. The command line prints it and exits with 2;
    the server sends it as JSON with status 422. Anything else that escapes is a bug and keeps its traceback.
    """


@contextmanager
def explain_missing_modules() -> Iterator[None]:
    """Turn the ModuleNotFoundError of the block, for a module that the base install lacks, into InputError: which extra
    brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        fix = f"install the extra, in the checkout by {sys.executable} -m pip install '.[{extra}]'"
        raise InputError(f"this needs {error.name}: {fix}") from error
