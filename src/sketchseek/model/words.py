"""Words as a model with a text tower takes them: its own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError


class WordReader:
    """The ``tokenizer.json`` of a model folder. Several threads may use it."""

    def __init__(self, path: Path, length: int) -> None:
        """``length`` is the tokens that every text is padded or cut to, by the tokenizer itself.

        Raises InputError where it cannot be read, or has another length.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library knows no errors of its own
            raise InputError(f"{path}: cannot be read ({error}); export the model again") from None
        self._length = length
        found = len(self._tokenizer.encode("").ids)
        if found != length:
            raise InputError(f"{path}: pads to {found} tokens, not to {length} as config.json says; export it again")

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """``[texts, length]``."""
        # Half a surrogate pair, which JSON and file names may hold, is no text to the library.
        ids = [self._tokenizer.encode(text.encode(errors="replace").decode()).ids for text in texts]
        return np.array(ids, np.int64).reshape(len(ids), self._length)
