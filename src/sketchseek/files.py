"""Files and folders that appear complete or not at all.

Both are written under a temporary name beside their place and then renamed, which is one atomic step. A reader never
sees half of one, and several threads or processes may write the same one: the last to finish wins. Where writing
fails or is interrupted the temporary is deleted. Only a killed process leaves one behind, a hidden ``.NAME-ID.part``,
and the next one that makes the same folder deletes it.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from sketchseek.errors import InputError

StrPath: TypeAlias = str | os.PathLike[str]

_NAME_KEPT = 40  # characters of a name that its temporary repeats, as file systems limit the length of names


def as_path(path: StrPath) -> Path:
    """A path that a person gave, with ``~`` replaced by the home directory.

    Raises InputError for a ``~name`` whose home directory is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"{os.fspath(path)}: the home directory is not known; write the path without ~") from None


def decode_json(text: str | bytes) -> Any:
    """The value that JSON stands for. Raises ValueError for anything else, also where it is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_file(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a file, text as UTF-8, in place of one that may be there. Raises OSError; arguments as ``replace_file``."""
    with replace_file(path, durable=durable) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replace_file(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Yield the temporary file that the block writes; when the block ends it becomes ``path``, whose folder must exist.

    A ``durable`` file survives a power cut once the block has ended (fsync, which may take tens of milliseconds).
    Raises OSError, and passes on what the block raises; ``path`` is then as it was.
    """
    unfinished = _temporary(path)
    try:
        yield unfinished
        if durable:
            _sync(unfinished)
        os.replace(unfinished, path)
        if durable and os.name != "nt":  # Windows cannot open folders
            _sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def create_folder(path: Path) -> Iterator[Path]:
    """Yield the temporary folder that the block fills; when the block ends it becomes ``path``. Parents are made.

    What killed processes left of this folder is deleted. Raises InputError where ``path`` is there already and not an
    empty folder, or another process is making it; OSError where it cannot be written; and passes on what the block
    raises. ``path`` is then as it was.
    """
    _refuse_taken(path)
    with _alone(path):
        _refuse_taken(path)  # another may have made it until now
        for leftover in _leftovers(path):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished = _temporary(path)
        unfinished.mkdir()
        try:
            yield unfinished
            os.replace(unfinished, path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _refuse_taken(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: is there already and not empty; name a new folder, or an empty one")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let no other process make or fill the folder ``path`` while the block runs: by a hidden, locked file beside it,
    which the system unlocks where the process is killed. Parents of ``path`` are made.

    Raises InputError where another process has it locked, OSError where the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{_kept(path.name)}.lock")
    while True:
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{path}: another process is writing it; wait, or name another folder") from None
            if not _is_at(file.fileno(), lock):
                continue  # its last owner deleted it after we had opened it
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def explain_write_errors(path: Path, fix: str) -> Iterator[None]:
    """Turn an OSError of the block into InputError: that ``path`` cannot be written, why, and the ``fix``."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); {fix}") from error


def delete_leftovers(path: Path) -> None:
    """Delete the temporaries that killed processes left of this file. Only for whoever alone writes it now."""
    for unfinished in _leftovers(path):
        unfinished.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder with all that is in it to the disk (fsync). Raises OSError."""
    for path in (*folder.rglob("*"), folder):
        if path.is_file() or os.name != "nt":  # Windows cannot open folders
            _sync(path)


def _leftovers(path: Path) -> list[Path]:
    return list(path.parent.glob(f".{glob.escape(_kept(path.name))}-{'[0-9a-f]' * 16}.part"))


def _temporary(path: Path) -> Path:
    return path.with_name(f".{_kept(path.name)}-{uuid4().hex[:16]}.part")


def _kept(name: str) -> str:
    """What a hidden name beside a file says of its name: all of it, or its begin and a hash."""
    if len(name) <= _NAME_KEPT:
        return name
    return f"{name[: _NAME_KEPT - 17]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
