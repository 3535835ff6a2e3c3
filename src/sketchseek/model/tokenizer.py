"""The tokenizer of a model that takes words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError


class TextTokenizer:
    """The ``tokenizer.json`` of a model folder, of the library ``tokenizers``. Several threads may use it."""

    def __init__(self, path: Path, length: int) -> None:
        """``length`` is the number of tokens to which the tokenizer pads or cuts every text.

        Raises InputError where the file cannot be read, or pads to another length.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise InputError(f"{path}: cannot be read ({error}); export the model again") from None
        self._length = length
        found = len(self._tokenizer.encode("").ids)
        if found != length:
            raise InputError(f"{path}: pads to {found} tokens, not to {length} as config.json says; export it again")

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The token ids of some texts, ``[texts, length]``."""
        # The library refuses unpaired surrogates, which JSON and file names may hold.
        ids = [self._tokenizer.encode(text.encode(errors="replace").decode()).ids for text in texts]
        return np.array(ids, np.int64).reshape(len(ids), self._length)
