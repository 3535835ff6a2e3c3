"""What commands print on stdout."""

from __future__ import annotations

import json


def print_json(value: object) -> None:
    """One JSON document, for ``--json``; NaN and infinity are refused, because JSON has neither."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
