"""Generate captions of faces from their attributes by a small probabilistic grammar. No torch.

FVLP and its pre-training data have captions from attributes, a probabilistic grammar, and a language model that
rewrites them. This module implements the first two. The captions come from annotations and so contain no errors of
memory. Figures measured with them are figures with ground-truth attributes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from sketchseek.errors import InputError

Gender = Literal["man", "woman"]
Hair = Literal["brown", "black", "red", "none", "golden"]  # in the order of FS2K's codes
_WORDS = {"gender": get_args(Gender), "hair": get_args(Hair)}


@dataclass(frozen=True)
class FaceAttributes:
    """Attributes of a face. None means unknown; captions do not mention it."""

    gender: Gender | None = None
    hair: Hair | None = None
    smile: bool | None = None
    earring: bool | None = None
    frontal: bool | None = None  # within 30 degrees

    @classmethod
    def from_fs2k(cls, entry: Mapping[str, Any]) -> FaceAttributes:
        """Read an object of FS2K's ``anno_*.json``. Missing codes and codes that were not published are unknown.

        ``style`` is left out because it describes the drawing, not the face. The mean colours of skin, lips and eyes
        are left out because they are measured on shaded pixels and are no words that a person would use.
        """
        return cls(
            gender=_decoded(entry, "gender", ("man", "woman")),
            hair="none" if entry.get("hair") == 1 else _decoded(entry, "hair_color", get_args(Hair)),
            smile=_decoded(entry, "smile", (True, False)),
            earring=_decoded(entry, "earring", (True, False)),
            frontal=_decoded(entry, "frontal_face", (True, False)),
        )

    @classmethod
    def from_text(cls, text: str) -> FaceAttributes:
        """Find attributes in an English text by key words. Attributes not mentioned, or contradictory, are unknown."""
        lower = text.lower()
        hair = {_HAIR_WORDS[found] for groups in _HAIR.findall(lower) for found in groups if found}
        genders = {gender for gender, words in _GENDER_WORDS.items() if words.search(lower)}
        return cls(
            gender=genders.pop() if len(genders) == 1 else None,
            hair=hair.pop() if len(hair) == 1 else None,
            smile=False if _SERIOUS.search(lower) else _mentioned(_SMILE, lower),
            earring=_mentioned(_EARRING, lower),
            frontal=True if _FRONT.search(lower) else False if _SIDE.search(lower) else None,
        )

    @classmethod
    def from_json(cls, value: Any, name: str) -> FaceAttributes:
        """Read a JSON object whose keys are this class's fields. Raises InputError, which calls it ``name``."""
        names = [field.name for field in fields(cls)]
        if not isinstance(value, dict) or not set(value) <= set(names):
            raise InputError(f"{name}: the attributes of a face are an object with some of {', '.join(names)}")
        for key, found in value.items():
            words = _WORDS.get(key)
            if not (found is None or (found in words if words else isinstance(found, bool))):
                raise InputError(f"{name}: '{key}' is {' or '.join(words or ('true', 'false'))}, not {found!r}")
        return cls(**value)


_GENDER_WORDS: dict[Gender, re.Pattern[str]] = {
    "man": re.compile(r"\b(man|male|boy|guy|gentleman|father|husband|he|his|him)\b"),
    "woman": re.compile(r"\b(woman|female|girl|lady|mother|wife|actress|she|her|hers)\b"),
}
_HAIR_WORDS: dict[str, Hair] = {
    "brown": "brown", "brunette": "brown", "black": "black", "red": "red", "ginger": "red", "redhead": "red",
    "golden": "golden", "blond": "golden", "blonde": "golden", "bald": "none", "hair": "none",
}  # fmt: skip
_HAIR = re.compile(
    r"\b(brown|black|red|ginger|golden|blonde?)(?:[ -](?!hair)\w+)?[ -]hair(?:ed)?\b"
    r"|\bhair (?:is|that is) (brown|black|red|ginger|golden|blonde?)\b"
    r"|\b(brunette|redhead|blonde?|bald)\b(?![ -]hair)"
    r"|\b(?:no|without|have any) (hair)\b"
)
_NOT = r"(?P<no>\b(?:not|no|without|never|does not|doesn't|isn't)\s+(?:\w+ing\s+|any\s+|a\s+)?)?"
_SMILE = re.compile(_NOT + r"\b(?:smil(?:e|es|ed|ing)|grin(?:s|ning)?)\b")
_SERIOUS = re.compile(r"\b(?:serious|calm face)\b")
_EARRING = re.compile(_NOT + r"\bear-?rings?\b")
_FRONT = re.compile(
    r"\b(?:(?:facing|faces|looking (?:at|into)) the camera|looks? ahead|straight ahead|from the front)\b"
)
_SIDE = re.compile(r"\b(?:in (?:half )?profile|(?:to|from) the side|side view|looks aside|turned away|head turned)\b")


def _mentioned(words: re.Pattern[str], text: str) -> bool | None:
    """True if the text mentions it, False if it negates it, None if neither."""
    found = words.search(text)
    return found["no"] is None if found else None


def _decoded(entry: Mapping[str, Any], key: str, values: tuple[Any, ...]) -> Any:
    """The value for an integer code; None if the code is missing or unknown."""
    code = entry.get(key)
    return values[code] if isinstance(code, int) and 0 <= code < len(values) else None


# Phrases for each attribute and value: (after "a woman", after "she"). "{her}" is replaced by the possessive.
_PHRASES: dict[tuple[str, object], tuple[tuple[str, str], ...]] = {
    ("hair", "none"): (
        ("without hair", "has no hair"),
        ("with a bald head", "is bald"),
        ("who is bald", "does not have any hair"),
    ),
    ("smile", True): (
        ("with a smile", "is smiling"),
        ("who is smiling", "smiles"),
        ("smiling", "has a smile on {her} face"),
    ),
    ("smile", False): (
        ("with a serious look", "is not smiling"),
        ("who does not smile", "does not smile"),
        ("with a calm face", "looks serious"),
    ),
    ("earring", True): (
        ("wearing earrings", "is wearing earrings"),
        ("with earrings", "wears earrings"),
        ("who has earrings", "has earrings on"),
    ),
    ("earring", False): (("without earrings", "wears no earrings"), ("with no earrings", "has no earrings on")),
    ("frontal", True): (
        ("facing the camera", "faces the camera"),
        ("seen from the front", "is looking straight ahead"),
        ("who looks ahead", "is seen from the front"),
    ),
    ("frontal", False): (
        ("turned to the side", "has {her} head turned"),
        ("seen from the side", "is looking to the side"),
        ("who looks aside", "is turned away from the camera"),
    ),
}
_HAIR_PHRASES = (("with {} hair", "has {} hair"), ("who has {} hair", "has hair that is {}"))
_GOLDEN = ("golden", "blond")
_PERSON: dict[Gender | None, tuple[str, ...]] = {
    "man": ("man", "man", "male person"),
    "woman": ("woman", "woman", "female person"),
    None: ("person",),
}
PARAPHRASES = 8
_OPENINGS = ("{}", "a photo of {}", "the face of {}", "a portrait of {}", "a picture of {}")


def caption(attributes: FaceAttributes, name: str, seed: int = 0) -> str:
    """One or two sentences in lower case that describe a face; "" if no attribute is known.

    All known attributes are mentioned. Wording and order depend only on ``seed`` and the photo's ``name``, so a photo
    always gets the same caption.
    """
    if attributes == FaceAttributes():
        return ""
    random = np.random.default_rng(list(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16]))

    def choose(choices: tuple[Any, ...]) -> Any:
        return choices[random.integers(len(choices))]

    her = {"man": "his", "woman": "her"}.get(attributes.gender or "", "the")
    she = {"man": "he", "woman": "she"}.get(attributes.gender or "", "the person")
    person = f"a {choose(_PERSON[attributes.gender])}"
    traits = []
    for key in ("hair", "smile", "earring", "frontal"):
        value = getattr(attributes, key)
        if value is not None:
            if key == "hair" and value != "none":
                colour = choose(_GOLDEN) if value == "golden" else value
                traits.append(tuple(phrase.format(colour) for phrase in choose(_HAIR_PHRASES)))
            else:
                traits.append(tuple(phrase.format(her=her) for phrase in choose(_PHRASES[key, value])))
    traits = [traits[i] for i in random.permutation(len(traits))]
    behind = int(
        random.integers(len(traits) + 1)
    )  # how many go into the first sentence; the others go into a second one
    first = [choose(_OPENINGS).format(person), *[before for before, _ in traits[:behind]]]
    sentences = [" ".join([first[0], _enumerated(first[1:])]).strip()]
    if traits[behind:]:
        sentences.append(f"{she} {_enumerated([after for _, after in traits[behind:]])}")
    return ". ".join(sentences)


def paraphrases(attributes: FaceAttributes) -> tuple[str, ...]:
    """Eight captions for these attributes; faces with equal attributes get equal ones. Empty if none is known."""
    return tuple(caption(attributes, "", seed) for seed in range(PARAPHRASES)) if attributes != FaceAttributes() else ()


def _enumerated(parts: list[str]) -> str:
    """Join as in "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
