"""Files and folders appear complete or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sketchseek.errors import InputError
from sketchseek.files import (
    as_path,
    create_folder,
    decode_json,
    delete_leftovers,
    explain_write_errors,
    replace_file,
    write_file,
)


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("content", ["a line\nof words: é", b"\x00\xff"])
def test_a_file_holds_what_was_written_and_nothing_else_is_left(
    tmp_path: Path, content: str | bytes, durable: bool
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("what was there before")
    write_file(path, content, durable=durable)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replace_file(path) as unfinished:
        unfinished.write_text("half of the n")
        assert path.read_text() == "old"
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_what_is_written_has_the_permissions_of_what_is_written_directly(tmp_path: Path) -> None:
    (tmp_path / "direct").write_text("")
    (tmp_path / "direct-folder").mkdir()
    write_file(tmp_path / "file", "")
    with create_folder(tmp_path / "folder"):
        pass

    def mode(name: str) -> int:
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    assert mode("file") == mode("direct")
    assert mode("folder") == mode("direct-folder")


def test_many_threads_may_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([i]) * 100_000 for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda content: write_file(path, content), contents))
    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["file"]


def test_the_longest_names_are_written(tmp_path: Path) -> None:
    name = "é" * 127
    write_file(tmp_path / name, "")
    assert os.listdir(tmp_path) == [name]


def test_a_folder_appears_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    with create_folder(path) as unfinished:
        (unfinished / "file").write_text("content")
        assert not path.exists()
    assert (path / "file").read_text() == "content"
    assert os.listdir(path.parent) == ["folder"]


def test_a_folder_that_fails_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), create_folder(tmp_path / "folder") as unfinished:
        (unfinished / "file").write_text("content")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == []


def test_a_folder_that_another_makes_is_refused_and_what_killed_ones_left_is_deleted(tmp_path: Path) -> None:
    for name in ("folder", "folder-0123456789abcdef", "a" * 60):
        left = tmp_path / f".{name}-0123456789abcdef.part"
        left.mkdir()
        with create_folder(tmp_path / name):
            with (
                pytest.raises(InputError, match=f"{name}: another process is writing it"),
                create_folder(tmp_path / name),
            ):
                pytest.fail("the block must not run")
            with create_folder(tmp_path / f"{name}x"):
                pass
        assert left.exists() == (name == "a" * 60)  # a long name's hidden files have a hash of it in theirs
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".lock") == []


def test_a_killed_process_holds_no_folder(tmp_path: Path) -> None:
    code = (
        "import os, pathlib\nfrom sketchseek.files import create_folder\n"
        f"with create_folder(pathlib.Path({str(tmp_path / 'folder')!r})) as made:\n"
        "    (made / 'file').write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert len(os.listdir(tmp_path)) == 2  # the unfinished folder, and the unlocked file
    with create_folder(tmp_path / "folder") as unfinished:
        (unfinished / "file").write_text("whole")
    assert os.listdir(tmp_path) == ["folder"]
    assert (tmp_path / "folder" / "file").read_text() == "whole"


def test_a_folder_takes_the_place_of_an_empty_one_only(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with create_folder(tmp_path / "empty") as unfinished:
        (unfinished / "file").write_text("first")
    (tmp_path / "file").write_text("")
    for taken in (tmp_path / "empty", tmp_path / "file"):
        with pytest.raises(InputError, match=f"{taken.name}: is there already and not empty"), create_folder(taken):
            pytest.fail("the block must not run")
    assert (tmp_path / "empty" / "file").read_text() == "first"


def test_write_errors_are_one_line_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(InputError) as caught, explain_write_errors(path, "name another file"):
        write_file(path, "")
    assert str(caught.value) == f"{path}: cannot be written (No such file or directory); name another file"


def test_leftovers_of_one_file_are_deleted(tmp_path: Path) -> None:
    class Killed(BaseException):
        """Ends the block without its cleaning up, as the end of the process would."""

    for name in ("one[1].txt", "another.txt"):
        with pytest.raises(Killed), replace_file(tmp_path / name) as unfinished:
            unfinished.write_text("half")
            kept = unfinished.rename(tmp_path / "kept")
            raise Killed
        kept.rename(unfinished)
    delete_leftovers(tmp_path / "one[1].txt")
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".another.txt")


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert as_path("~/photos") == Path("/home/someone/photos")
    assert as_path(Path("photos")) == Path("photos")


def test_the_home_of_nobody_is_bad_input() -> None:
    with pytest.raises(
        InputError, match="~nobody-of-this-name/photos: the home directory is not known; write the path"
    ):
        as_path("~nobody-of-this-name/photos")


@pytest.mark.parametrize("text", ["{", "[" * 100_000, b'{"a":' * 100_000, b"\xff"])
def test_what_is_not_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        decode_json(text)
