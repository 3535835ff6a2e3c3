"""Output of commands on stdout."""

from __future__ import annotations

import json
import sys


def print_json(value: object) -> None:
    """Print one JSON document, for ``--json``. Raises ValueError for NaN and infinity, which JSON does not have."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # the console lacks a character, or a file's name is not text
        text = json.dumps(value, indent=2, allow_nan=False)
    print(text)
