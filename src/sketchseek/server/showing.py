"""Shows a file in its folder, with the file manager of this machine's desktop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sketchseek.errors import InputError


def show_in_folder(path: Path) -> None:
    """Open the folder of a file in the desktop's file manager, the file selected where the system can do that.

    Raises InputError where there is no desktop or no file manager.
    """
    if sys.platform == "darwin":
        command = ["open", "-R", str(path)]
    elif sys.platform == "win32":
        command = ["explorer", f"/select,{path}"]
    elif os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        command = ["xdg-open", str(path.parent)]
    else:
        raise InputError(f"{path.name}: this machine has no desktop to show folders on; copy the path instead")
    silent = subprocess.DEVNULL
    try:
        subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True)
    except OSError:
        raise InputError(
            f"{path.name}: there is no '{command[0]}' to show folders with; copy the path instead"
        ) from None
