"""What every command shares: help, exit codes, one line for what a person can mend."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from photos_on_disk import make_photo
from tiny_model import make_tiny_model

import sketchseek.cli as cli
from sketchseek.cli import COMMANDS, main
from sketchseek.errors import InputError
from sketchseek.lab.methods import get_method, methods

HEAVY = (
    "torch",
    "onnxruntime",
    "fastapi",
    "uvicorn",
    "qdrant_edge",
    "transformers",
    "tokenizers",
    "cc3d",
    "matplotlib",
)


def test_the_help_of_every_command_is_light() -> None:
    script = f"""
import sys
from sketchseek.cli import main
for command in {list(COMMANDS)}:
    assert main([command, "--help"]) == 0
    heavy = {set(HEAVY)} & set(sys.modules)
    assert not heavy, f"{{command}} imports {{heavy}}"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"usage: sketchseek (\w+)", done.stdout) == list(COMMANDS)


def test_overview_lists_every_command_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    script = "import sys; from sketchseek.cli import main; main(['--help']); sys.exit('tyro' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_no_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sketchseek 0.")


def test_an_unknown_command_names_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalute"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "sketchseek: there is no command 'evalute'; did you mean 'evaluate'?\n"
    assert main(["qqq"]) == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize("weight", ["-0.1", "1.5", "nan"])
def test_a_weight_beyond_its_range_is_refused(weight: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--text", "red", f"--weight={weight}"]) == 2
    assert capsys.readouterr().err.startswith("sketchseek: --weight ")


def test_an_unknown_option_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "--datasett", "chairv2"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("sketchseek: results: ")
    assert "--datasett" in told
    assert told.count("\n") == 1
    assert not re.search(r"[\u2500-\u257f]", told)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A command named ``probe`` whose ``run`` a test replaces."""

    @dataclass(frozen=True)
    class Args:
        """Probe."""

    module = ModuleType("sketchseek.cli.probe")
    module.Args = Args  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sketchseek.cli.probe", module)
    monkeypatch.setitem(cli.COMMANDS, "probe", "for tests")
    return module


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.png: broken;\nsave it again"), 2, "sketchseek: a.png: broken; save it again\n"),
        (KeyboardInterrupt(), 130, "sketchseek: interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.part"),
            1,
            "sketchseek: No space left on device: x.part\n",
        ),
        (
            ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
            2,
            "sketchseek: this needs torch.nn: install the extra, in the checkout by "
            f"{sys.executable} -m pip install '.[train]'\n",
        ),
    ],
)
def test_what_a_person_can_mend_is_one_line(
    command: ModuleType, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    def fail(args: object) -> int:
        raise error

    command.run = fail  # type: ignore[attr-defined]
    assert main(["probe"]) == code
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("error", [ValueError("bug"), OSError(errno.EBADF, "bug"), ModuleNotFoundError("x", name="x")])
def test_a_bug_keeps_its_traceback(command: ModuleType, error: Exception) -> None:
    def fail(args: object) -> int:
        raise error

    command.run = fail  # type: ignore[attr-defined]
    with pytest.raises(type(error)):
        main(["probe"])


def test_the_exit_code_is_the_commands(command: ModuleType) -> None:
    command.run = lambda args: 3  # type: ignore[attr-defined]
    assert main(["probe"]) == 3


def test_a_closed_pipe_is_quiet() -> None:
    reading = subprocess.Popen(
        [sys.executable, "-m", "sketchseek", "results", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert reading.stdout is not None and reading.stderr is not None
    reading.stdout.close()  # before anything is printed, so that the first flush meets a closed pipe
    assert reading.wait(timeout=60) == cli.BROKEN_PIPE
    assert reading.stderr.read() == b""
    reading.stderr.close()


WITHOUT_TORCH = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "timm", "accelerate", "onnx", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from sketchseek.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_methods_are_listed_a_line_each_and_one_with_its_presets_and_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(methods())
    assert main(["methods", "csr"]) == 0
    told = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert told["bench"].endswith("torchvision/mobilenet_v2, 224 px, 10,240 pairs")
    assert told["S9"].endswith("the full method") and get_method("csr").rows.keys() < told.keys()
    assert main(["methods", "csr", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["presets"]["paper"]["temperature"] == 0.005 and found["rows"]["S1"]["recovery"] is False
    assert main(["methods", "csrr"]) == 2
    assert "no method 'csrr'; registered are arnet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["methods", "datasets", "results"])
def test_the_base_install_answers_without_torch(command: str) -> None:
    arguments = [sys.executable, "-c", WITHOUT_TORCH, command, "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), list)


@pytest.mark.parametrize(("encoding", "as_json"), [("cp1252", False), ("ascii", True)])
def test_names_that_the_console_cannot_show_are_escaped(tmp_path: Path, encoding: str, as_json: bool) -> None:
    photos = tmp_path / "photos"
    for seed, name in enumerate(("\u6905\u5b50.jpg", "\U0001fa91.jpg")):
        make_photo(photos / name, seed)
    os.rename(make_photo(photos / "a.jpg", 2), os.fsencode(photos) + b"/caf\xe9.jpg")  # not UTF-8
    model = make_tiny_model(tmp_path / "model")
    command = [sys.executable, "-m", "sketchseek", "index", photos, "--gallery", tmp_path / "gallery", "--model", model]
    done = subprocess.run(
        [*map(str, command), *(["--json"] if as_json else [])],
        env=os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr
    said = done.stdout.decode(encoding)
    if as_json:
        answer = json.loads(said)
        assert answer["photos"] == 2 and os.fsencode(answer["skipped"][0]["path"]).endswith(b"caf\xe9.jpg")
    else:
        assert "2 photos" in said and "caf\\udce9.jpg" in said
