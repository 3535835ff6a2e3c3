"""The documented frames of the live session are those that the code reads and sends."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pytest

from sketchseek.search.limits import Limits
from sketchseek.search.protocol import (
    ErrorFrame,
    FrameError,
    GalleryFrame,
    HelloFrame,
    PageFrame,
    ResultsFrame,
    parse_frame,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "protocol.md"
FRAME = re.compile(r'\{"type": "\w+", .*?\}(?=`|\n```)', re.DOTALL)
FRAMES = {json.loads(text)["type"]: text for text in FRAME.findall(PAGE.read_text(encoding="utf-8"))}


SENT = [("hello", HelloFrame), ("gallery", GalleryFrame), ("results", ResultsFrame), ("error", ErrorFrame)]


def test_every_frame_of_the_page_is_documented() -> None:
    read = {
        type(parse_frame(text)) for name, text in FRAMES.items() if name not in ("hello", "gallery", "results", "error")
    }
    assert read == set(get_args(PageFrame))


@pytest.mark.parametrize(("name", "frame"), SENT)
def test_every_field_that_the_server_sends_is_documented(name: str, frame: type) -> None:
    assert json.loads(FRAMES[name]).keys() == frame.__annotations__.keys()


def test_the_documented_limits_are_those_that_hold() -> None:
    assert json.loads(FRAMES["hello"])["limits"] == asdict(Limits())


def test_a_refused_frame_keeps_its_number() -> None:
    for text, seq in (('{"type": "end", "seq": 7}', 7), ('{"type": "end"}', None), ("rubbish", None)):
        with pytest.raises(FrameError, match="frame: ") as refused:
            parse_frame(text)
        assert refused.value.seq == seq
