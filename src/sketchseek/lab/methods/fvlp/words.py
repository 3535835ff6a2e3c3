"""Tokenise texts: clean them as FVLP does, split them into words, and unknown words into parts or characters."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, normalizers
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer, Replace
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch import Tensor, nn

from sketchseek.errors import InputError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
PAD = 0
PUNCTUATION = r'[.!"()*#:;~]'  # replaced by a space (FVLP, released code)


class CaptionTokenizer(nn.Module):
    """The tokenizer of a network, stored in its state dict as JSON bytes, so that it is saved with the weights."""

    def __init__(self, vocabulary: int, length: int) -> None:
        super().__init__()
        self.vocabulary, self.length = vocabulary, length
        self.tokenizer: Tokenizer | None = None

    def fit(self, captions: Sequence[str]) -> None:
        """Build a tokenizer whose vocabulary is the words of these captions; if there are too many, the most frequent.

        It also contains every ASCII character, at the beginning and within a word, so that an unknown word is split
        into its longest known parts.
        """
        characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
        pieces = [*SPECIAL, *characters, *(f"##{c}" for c in characters)]
        reader = _prepared(Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]")))
        counts: Counter[str] = Counter()
        for caption in captions:
            text = reader.normalizer.normalize_str(caption)
            counts.update(word for word, _ in reader.pre_tokenizer.pre_tokenize_str(text))
        by_frequency = sorted(counts, key=lambda word: (-counts[word], word))
        pieces = list(dict.fromkeys([*pieces, *by_frequency]))[: self.vocabulary - 1]  # the last row is [ENC]'s
        self.tokenizer = self._of({piece: index for index, piece in enumerate(pieces)})

    def load(self, folder: Path) -> None:
        """Load BERT's tokenizer from ``tokenizer.json`` or ``vocab.txt`` in a folder.

        Raises InputError if it is no WordPiece tokenizer, or has more tokens than the network's embedding.
        """
        path = next((folder / name for name in ("tokenizer.json", "vocab.txt") if (folder / name).is_file()), None)
        if path is None:
            raise InputError(f"{folder}: holds no tokenizer.json nor vocab.txt; save BERT's tokenizer beside it")
        try:
            if path.suffix == ".txt":
                vocabulary = WordPiece.read_file(str(path))
            else:
                tokenizer = Tokenizer.from_file(str(path))
                vocabulary = tokenizer.get_vocab() if isinstance(tokenizer.model, WordPiece) else {}
        except Exception as error:  # tokenizers raises nothing more precise
            raise InputError(f"{path}: cannot be read as a tokenizer ({error}); save it anew") from None
        missing = [piece for piece in SPECIAL if piece not in vocabulary]
        if missing or vocabulary["[PAD]"] != PAD or max(vocabulary.values()) >= self.vocabulary - 1:
            raise InputError(
                f"{path}: is no tokenizer of BERT with at most {self.vocabulary - 1} words, [PAD] the first; "
                "give bert-base-uncased's"
            )
        self.tokenizer = self._of(vocabulary)

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Tokens, int64 ``[texts, length]``, truncated or padded. Raises InputError before there is a tokenizer."""
        if self.tokenizer is None:
            raise InputError("this network has learnt no words yet; train it on photos with captions")
        return torch.tensor([e.ids for e in self.tokenizer.encode_batch(list(texts))], dtype=torch.int64)

    def get_extra_state(self) -> Tensor:
        text = self.tokenizer.to_str() if self.tokenizer else ""
        return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8) if text else torch.empty(0).byte()

    def set_extra_state(self, state: Any) -> None:
        text = state.cpu().numpy().tobytes().decode()
        self.tokenizer = Tokenizer.from_str(text) if text else None

    def _of(self, vocabulary: dict[str, int]) -> Tokenizer:
        tokenizer = _prepared(Tokenizer(WordPiece(vocabulary, unk_token="[UNK]")))
        begin, end = (vocabulary[piece] for piece in ("[CLS]", "[SEP]"))
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", begin), ("[SEP]", end)]
        )
        tokenizer.enable_padding(length=self.length, pad_id=PAD, pad_token="[PAD]")
        tokenizer.enable_truncation(self.length)
        return tokenizer


def _prepared(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.normalizer = normalizers.Sequence([Replace(Regex(PUNCTUATION), " "), BertNormalizer(lowercase=True)])
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return tokenizer
