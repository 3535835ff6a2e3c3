"""The names that a model with a fixed vocabulary knows: read them in a text, and say which words are none."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import decode_json, write_file

LENGTH = 8  # names that one text may hold; further ones are not read
EXAMPLES = 5  # names that a remark gives
# A character of Chinese is a word of its own, since nothing stands between words there.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_UMLAUT = re.compile("([aou])\u0308")
# Words that tell nothing about a thing, of English, German, French, Spanish and Chinese. Inside a name they are read
# ("ball of wool").
_FILLERS = frozenset([
    "a", "an", "and", "at", "for", "in", "many", "of", "on", "one", "or", "photo", "photos", "picture", "pictures",
    "some", "that", "the", "this", "three", "to", "two", "with",
    "auf", "das", "dem", "den", "der", "des", "die", "ein", "eine", "einem", "einen", "im", "mit", "und", "vom", "von",
    "au", "aux", "avec", "dans", "de", "du", "et", "la", "le", "les", "sur", "un", "une",
    "con", "del", "el", "en", "las", "los", "una", "y",
    "一", "上", "与", "中", "个", "只", "台", "和", "在", "座", "张", "朵", "条", "架", "棵", "的", "辆", "里",
])  # fmt: skip
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "men": "man",
    "mice": "mouse",
    "oxen": "ox",
    "people": "person",
    "teeth": "tooth",
    "women": "woman",
}
_ENDINGS = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""))


@dataclass(frozen=True)
class Reading:
    """What was understood of a text: the names in it, and the words that are part of none, each once and in order."""

    names: tuple[str, ...]
    unknown: tuple[str, ...]


class Names:
    """Names of things, each with its token: the number, from 1, of what the model has learnt of it.

    A name is found whatever its case, accents, hyphens and spaces ("T-shirt", "tshirt"), in the plural too, and as part
    of a longer text, where the longest name counts ("sports car" before "car"). Several names may have one token.
    """

    def __init__(self, tokens: Mapping[str, int]) -> None:
        self.tokens_of = dict(tokens)

    @classmethod
    def load(cls, path: Path) -> Names:
        """Read ``names.json``. Raises InputError where it cannot be read."""
        try:
            content = decode_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); export the model again") from None
        if not isinstance(content, dict) or not all(isinstance(n, int) and n > 0 for n in content.values()):
            raise InputError(f"{path}: holds no object of names and numbers; export the model again")
        return cls(content)

    def save(self, path: Path) -> None:
        write_file(path, json.dumps(self.tokens_of, ensure_ascii=False, indent=0) + "\n")

    def __len__(self) -> int:
        return len(self.tokens_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens_of)

    def read(self, text: str) -> Reading:
        """The names in a text, from left to right, the longest at each place."""
        words = _words(text)
        names: dict[str, None] = {}
        unknown: dict[str, None] = {}
        place = 0
        while place < len(words):
            for count in range(min(self._longest, len(words) - place), 0, -1):
                name = self._name(words[place : place + count])
                if name is not None:
                    names[name] = None
                    place += count
                    break
            else:
                if words[place] not in _FILLERS:
                    unknown[words[place]] = None
                place += 1
        return Reading(tuple(names)[:LENGTH], tuple(unknown))

    def tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The tokens of the names in each text, filled up with 0, ``[texts, 8]``.

        Raises InputError for a text that holds no name.
        """
        filled = np.zeros((len(texts), LENGTH), np.int64)
        for row, text in zip(filled, texts, strict=True):
            reading = self.read(text)
            if not reading.names:
                raise InputError(self.remark(text))
            row[: len(reading.names)] = [self.tokens_of[name] for name in reading.names]
        return filled

    def remark(self, text: str) -> str:
        """One line on the words of a text that the model does not know; "" where it knows all of them."""
        reading = self.read(text)
        if not reading.unknown and reading.names:
            return ""
        said = " and ".join(f"'{word}'" for word in reading.unknown[:3]) or f"'{' '.join(text.split())}'"
        if reading.names:
            return f"this model does not know {said}; it searches by {', '.join(reading.names)}"
        similar = [self._by_key[key] for w in reading.unknown for key in get_close_matches(w, self._by_key, 2, 0.75)]
        examples = ", ".join(list(dict.fromkeys([*similar, *self.tokens_of]))[:EXAMPLES])
        return f"this model does not know {said}; it knows {len(self):,} words, for instance {examples}"

    @cached_property
    def _by_key(self) -> dict[str, str]:
        return {"".join(_words(name)): name for name in reversed(self.tokens_of)}  # of equal keys the first name counts

    @cached_property
    def _longest(self) -> int:
        """The most words of a name, and one more: what is one word in a name may be two in a text."""
        return 1 + max((len(_words(name)) for name in self.tokens_of), default=0)

    def _name(self, words: Sequence[str]) -> str | None:
        start = "".join(words[:-1])
        return next((self._by_key[start + w] for w in _singulars(words[-1]) if start + w in self._by_key), None)


def _words(text: str) -> list[str]:
    """The words of a text, in lower case and without accents and apostrophes; "baer" for "Bär"."""
    decomposed = _UMLAUT.sub(r"\1e", unicodedata.normalize("NFKD", text.casefold()))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _WORD.findall(re.sub("['\u2019]", "", plain))


def _singulars(word: str) -> Iterator[str]:
    """A word, and what it may be the plural of; last a plural that it may be the singular of ("scissor")."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    for ending, singular in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + singular
    if word.endswith("men"):
        yield word.removesuffix("men") + "man"
    yield word + "s"
