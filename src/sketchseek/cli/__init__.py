"""The command line: ``sketchseek COMMAND ...``.

Each command is a module of this package with a frozen dataclass ``Args`` and a function ``run(args) -> int``, which
returns the exit code. tyro parses the arguments: the fields of ``Args`` are the options, its docstring is the help
text, and unknown options are refused. Only the module of the command asked for is imported, so ``--help`` is quick and
the app's commands never load torch.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Sequence

from sketchseek.errors import InputError, explain_missing_modules
from sketchseek.version import VERSION

PROGRAM = "sketchseek"

# The command's name is also the name of its module.
COMMANDS = {
    "demo": "index generated objects, replay a sketch of one stroke by stroke, open the page",
    "index": "index a folder of photos, so that they can be found by drawing",
    "serve": "serve the drawing page for a gallery",
    "search": "find photos by a sketch, words or another photo",
    "status": "say what a gallery holds",
    "sources": "list the folders that a gallery follows, or follow some no longer",
    "remove": "remove photos from a gallery",
    "methods": "list the methods, or the presets and rows of one",
    "datasets": "list the data sets, what each should contain and where it comes from",
    "doctor": "check a copy of a data set",
    "pairs": "turn image-text pairs into photos of faces with captions, for pre-training",
    "train": "train a method on a data set",
    "sweep": "train and measure every point of an ablation curve, and plot it",
    "evaluate": "measure a model on a data set",
    "export": "turn a training run into a model folder that the app can use",
    "results": "print published figures beside the ones measured here",
}

BAD_INPUT = 2
INTERRUPTED = 128 + 2  # what a shell reports for SIGINT
BROKEN_PIPE = 128 + 13  # what a shell reports for SIGPIPE

# Errors of the machine, not bugs (full disk, no permission), so they are told in one line, without a traceback.
MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 on success, 2 for input that cannot be used.

    ``argv`` are the arguments after the program's name, by default those of this process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold what the console cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        with explain_missing_modules():
            code = _dispatch(arguments)
        sys.stdout.flush()  # so that a closed pipe raises here and not while the interpreter shuts down
        return code
    except InputError as error:
        return _complain(str(error), BAD_INPUT)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader has closed the pipe (`sketchseek results | head`). Discard what is still buffered.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in MACHINE_ERRORS:
            raise
        where = f": {error.filename}" if error.filename else ""
        return _complain(f"{error.strerror}{where}", 1)
    except SystemExit as leaving:  # tyro has printed help
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if arguments else BAD_INPUT
    if arguments[0] == "--version":
        print(f"{PROGRAM} {VERSION}")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"'{PROGRAM} --help' lists the commands"
        raise InputError(f"there is no command '{name}'; {hint}")

    command = importlib.import_module(f"{__name__}.{name}")
    return int(command.run(_parse(command.Args, name, rest)))


def _parse(kind: type, name: str, arguments: list[str]) -> object:
    """Parse the arguments of a command. Raises InputError with tyro's error in one line, where tyro draws a box."""
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=f"{PROGRAM} {name}", args=arguments)
    except SystemExit as leaving:
        if leaving.code in (0, None):
            raise
        # Drop the title in the first line, and the lines of the box, drawn with U+2500 to U+257F.
        plain = re.sub(r"[\u2500-\u257f]", " ", said.getvalue().partition("\n")[2])
        parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", plain)]
        raise InputError(f"{name}: {'; '.join(part for part in parts if part)}") from None


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"usage: {PROGRAM} COMMAND ...", "", "Draw what you remember, find the photo.", ""]
    lines += [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    lines += ["", f"'{PROGRAM} COMMAND --help' explains a command; '{PROGRAM} --version' prints the version."]
    return "\n".join(lines)


def _complain(message: str, code: int) -> int:
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return code
