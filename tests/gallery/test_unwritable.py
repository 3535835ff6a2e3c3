"""A gallery on a read-only file system and on a full disk: it is searched, and never called damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from served_gallery import make_gallery

READ_ONLY = 'mount --bind "$1" "$2" && mount -o remount,ro,bind "$2"'
FULL = (
    'mount -t tmpfs -o size=90m tmpfs "$2" && cp -r --sparse=always "$1"/. "$2" && dd if=/dev/zero of="$2"/rest bs=4k'
)


def run_mounted(mount: str, source: Path, place: Path, commands: str) -> str:
    """The output of shell commands run where ``mount`` has mounted ``source`` at ``place``, for them alone."""
    place.mkdir()
    script = f'({mount}) >/dev/null 2>&1; mountpoint -q "$2" || exit 77; {commands}'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(source), str(place)]
    try:
        done = subprocess.run(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode == 77 or "unshare" in done.stdout:
        pytest.skip(f"nothing can be mounted here: {done.stdout}")
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("mount", "reason"), [(READ_ONLY, "Read-only file system"), (FULL, "the disk is full")])
def test_it_is_searched_and_a_change_is_refused_with_the_cause(tmp_path: Path, mount: str, reason: str) -> None:
    gallery = make_gallery(tmp_path / "made", count=3)
    drawing = tmp_path / "line.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1 8 8"/></svg>')
    os.remove(gallery.parent / "photos" / "thing-00.png")  # so that `index` has something to do
    place = tmp_path / "mounted"
    program = f"{sys.executable} -m sketchseek"
    said = run_mounted(
        mount,
        gallery,
        place,
        f"{program} search {drawing} --gallery {place} && "
        f"{program} index {gallery.parent / 'photos'} --gallery {place} || echo exit $?",
    )
    hits, refusal, code = said.splitlines()[:-2], *said.splitlines()[-2:]
    assert len(hits) == 3 and all("thing-" in hit for hit in hits)
    assert refusal.startswith("sketchseek: ") and reason in refusal and code == "exit 2"
    assert "damaged" not in refusal and "delete" not in refusal
