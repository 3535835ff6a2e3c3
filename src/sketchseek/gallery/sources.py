"""What a gallery follows: the folders and files that were indexed, and what is left out of them.

sources.json    {"format": "sketchseek-sources-1", "sources": [path, ...], "left_out": [path, ...]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import decode_json, write_file
from sketchseek.formats import SOURCES_FORMAT

_FILE = "sources.json"


@dataclass(frozen=True)
class Sources:
    """The absolute paths that are followed, folders with all below them; ``left_out`` are paths below those that are
    not.
    """

    followed: frozenset[Path] = frozenset()
    left_out: frozenset[Path] = frozenset()

    @classmethod
    def read(cls, gallery: Path) -> Sources:
        """Those of the gallery in a folder. Raises InputError where the file is damaged."""
        path = gallery / _FILE
        try:
            content = decode_json(path.read_text())
            if content["format"] != SOURCES_FORMAT:
                raise ValueError("of another version")
            return cls(frozenset(map(Path, content["sources"])), frozenset(map(Path, content["left_out"])))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: cannot be read ({error}); delete it, and index your folders again") from None

    def write(self, gallery: Path) -> None:
        """Keep them with the gallery in a folder. Raises OSError."""
        content = {
            "format": SOURCES_FORMAT,
            "sources": sorted(map(str, self.followed)),
            "left_out": sorted(map(str, self.left_out)),
        }
        write_file(gallery / _FILE, json.dumps(content, indent=1) + "\n", durable=True)

    def of(self, path: Path) -> Path | None:
        """The source that a path belongs to, None where it is not followed."""
        for place in (path, *path.parents):
            if place in self.followed:
                return place
            if place in self.left_out:
                return None
        return None

    def with_these(self, paths: Iterable[Path]) -> Sources:
        """Those with more paths, which are let in again where they were left out."""
        added = list(paths)
        left_out = frozenset(path for path in self.left_out if not is_below(path, added))
        every = Sources(self.followed.union(added), left_out)
        return Sources(frozenset(path for path in every.followed if every.of(path.parent) is None), left_out)

    def without_these(self, paths: Iterable[Path]) -> Sources:
        """Those without some paths and all below them."""
        removed = list(paths)
        left = Sources(
            frozenset(path for path in self.followed if not is_below(path, removed)),
            frozenset(path for path in self.left_out if not is_below(path, removed)),
        )
        return Sources(left.followed, left.left_out.union(path for path in removed if left.of(path)))


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Whether a path is one of ``folders`` or lies below one."""
    return any(path.is_relative_to(folder) for folder in folders)
