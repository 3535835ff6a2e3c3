"""Output of commands on stdout."""

from __future__ import annotations

import json


def print_json(value: object) -> None:
    """Print one JSON document, for ``--json``. Raises ValueError for NaN and infinity, which JSON does not have."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
