"""The page's types of frames have the fields that the server reads and sends."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from sketchseek.search import protocol
from sketchseek.search.limits import Limits

TYPES = Path(protocol.__file__).parents[1] / "server" / "web" / "types.d.ts"

# A type's name, the type that it extends, and what it holds.
DEFINITION = re.compile(r"export type (\w+) = (?:(?:Required<)?(\w+)>? & )?\{(.*?)\};\n", re.DOTALL)


def definitions() -> dict[str, set[str]]:
    """The names of the fields of each object type in the page's types."""
    text = re.sub(r"//.*|/\*.*?\*/", "", TYPES.read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for name, extended, body in DEFINITION.findall(text):
        found[name] = set(re.findall(r"(\w+)\??:", body)) | found.get(extended, set())
    return found


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("HelloFrame", protocol.HelloFrame),
        ("GalleryFrame", protocol.GalleryFrame),
        ("Gallery", protocol.GalleryEntry),
        ("Limits", Limits),
        ("ResultsFrame", protocol.ResultsFrame),
        ("Hit", protocol.HitEntry),
        ("Target", protocol.TargetEntry),
        ("EncodedRegions", protocol.RegionsEntry),
        ("EncodedHitRegions", protocol.HitRegionsEntry),
        ("ErrorFrame", protocol.ErrorFrame),
    ],
)
def test_the_page_knows_every_field_that_the_server_sends(name: str, sent: type) -> None:
    assert definitions()[name] == sent.__annotations__.keys()


def test_the_page_sends_every_field_that_the_server_reads() -> None:
    union = TYPES.read_text(encoding="utf-8").partition("export type PageFrame =")[2].partition("// ---")[0]
    sent = {}
    for kind, body, extended in re.findall(r'\{ type: "(\w+)";?(.*?) \}(?: & (\w+))?', union):
        sent[kind] = set(re.findall(r"(\w+):", body)) | definitions().get(extended, set())
    read = {
        frame.__name__.removesuffix("Frame").lower(): {field.name for field in fields(frame)} - {"seq"}
        for frame in get_args(protocol.PageFrame)
    }
    assert sent == read
