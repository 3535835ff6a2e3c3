"""What a face looks like in words: captions from attributes by a small grammar. No torch.

FVLP and the data of its pre-training have such captions (attributes, a probabilistic grammar, then a rewriting language
model); these are the first two of the three. They come from annotations, so they are right where a person's memory
may be wrong: figures measured with them are those of words from ground-truth attributes.
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
    """What is known of a face; None is not known, and nothing is said about it."""

    gender: Gender | None = None
    hair: Hair | None = None
    smile: bool | None = None
    earring: bool | None = None
    frontal: bool | None = None  # within 30 degrees

    @classmethod
    def of_fs2k(cls, entry: Mapping[str, Any]) -> FaceAttributes:
        """From an object of FS2K's ``anno_*.json``; codes that it lacks or that are none of the published are unknown.

        ``style`` describes the drawing, not the face, and is left out, as are the mean colours of skin, lips and eyes,
        which are measured on shaded pixels and no words that a person would choose.
        """
        return cls(
            gender=_coded(entry, "gender", ("man", "woman")),
            hair="none" if entry.get("hair") == 1 else _coded(entry, "hair_color", get_args(Hair)),
            smile=_coded(entry, "smile", (True, False)),
            earring=_coded(entry, "earring", (True, False)),
            frontal=_coded(entry, "frontal_face", (True, False)),
        )

    @classmethod
    def of_text(cls, text: str) -> FaceAttributes:
        """What a text in English says of a face, by its words; what it does not say, or says both ways, is unknown."""
        lower = text.lower()
        hair = {_HAIR_WORDS[found] for groups in _HAIR.findall(lower) for found in groups if found}
        genders = {gender for gender, words in _GENDER_WORDS.items() if words.search(lower)}
        return cls(
            gender=genders.pop() if len(genders) == 1 else None,
            hair=hair.pop() if len(hair) == 1 else None,
            smile=False if _SERIOUS.search(lower) else _said(_SMILE, lower),
            earring=_said(_EARRING, lower),
            frontal=True if _FRONT.search(lower) else False if _SIDE.search(lower) else None,
        )

    @classmethod
    def from_json(cls, value: Any, name: str) -> FaceAttributes:
        """From a JSON object with our own field names. Raises InputError naming ``name`` for anything else."""
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


def _said(words: re.Pattern[str], text: str) -> bool | None:
    """Whether a text says it, says that it is not so, or neither."""
    found = words.search(text)
    return found["no"] is None if found else None


def _coded(entry: Mapping[str, Any], key: str, values: tuple[Any, ...]) -> Any:
    """The value that a whole number stands for, None for what is no such code."""
    code = entry.get(key)
    return values[code] if isinstance(code, int) and 0 <= code < len(values) else None


# For each attribute and value, ways to say it: (behind the person, behind "she"). "{her}" is the possessive.
_WAYS: dict[tuple[str, object], tuple[tuple[str, str], ...]] = {
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
_HAIR_WAYS = (("with {} hair", "has {} hair"), ("who has {} hair", "has hair that is {}"))
_GOLDEN = ("golden", "blond")
_PERSON: dict[Gender | None, tuple[str, ...]] = {
    "man": ("man", "man", "male person"),
    "woman": ("woman", "woman", "female person"),
    None: ("person",),
}
PARAPHRASES = 8
_OPENINGS = ("{}", "a photo of {}", "the face of {}", "a portrait of {}", "a picture of {}")


def caption(attributes: FaceAttributes, name: str, seed: int = 0) -> str:
    """One or two sentences in lower case about a face, "" where nothing is known of it.

    Everything known is said; how, and in which order, follows from ``seed`` and the photo's ``name`` alone, so a photo
    keeps its caption wherever and whenever it is made.
    """
    if attributes == FaceAttributes():
        return ""
    random = np.random.default_rng(list(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16]))

    def one_of(choices: tuple[Any, ...]) -> Any:
        return choices[random.integers(len(choices))]

    her = {"man": "his", "woman": "her"}.get(attributes.gender or "", "the")
    she = {"man": "he", "woman": "she"}.get(attributes.gender or "", "the person")
    person = f"a {one_of(_PERSON[attributes.gender])}"
    traits = []
    for key in ("hair", "smile", "earring", "frontal"):
        value = getattr(attributes, key)
        if value is not None:
            if key == "hair" and value != "none":
                colour = one_of(_GOLDEN) if value == "golden" else value
                traits.append(tuple(way.format(colour) for way in one_of(_HAIR_WAYS)))
            else:
                traits.append(tuple(way.format(her=her) for way in one_of(_WAYS[key, value])))
    traits = [traits[i] for i in random.permutation(len(traits))]
    behind = int(random.integers(len(traits) + 1))  # so many in the first sentence, the others in a second one
    first = [one_of(_OPENINGS).format(person), *[before for before, _ in traits[:behind]]]
    sentences = [" ".join([first[0], _listed(first[1:])]).strip()]
    if traits[behind:]:
        sentences.append(f"{she} {_listed([after for _, after in traits[behind:]])}")
    return ". ".join(sentences)


def paraphrases(attributes: FaceAttributes) -> tuple[str, ...]:
    """Eight captions for faces with these attributes, the same for all that have them."""
    return tuple(caption(attributes, "", seed) for seed in range(PARAPHRASES)) if attributes != FaceAttributes() else ()


def _listed(parts: list[str]) -> str:
    """As a list is said: a; a and b; a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
