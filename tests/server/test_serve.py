"""``sketchseek serve``: what it prints, and what it says when it cannot."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from served_gallery import make_gallery

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.server.serve import address, listen, others_address
from sketchseek.server.settings import server_settings


def test_it_prints_its_address_answers_there_and_ends_well(tmp_path: Path) -> None:
    gallery = make_gallery(tmp_path, count=2)
    command = [sys.executable, "-m", "sketchseek", "serve", "--gallery", str(gallery), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(f"{url}/api/health") as response:
            assert response.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_without_a_gallery_it_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"]) == 2
    error = capsys.readouterr().err
    assert "sketchseek index ~/photos" in error
    assert error.count("\n") == 1


def test_a_directory_that_is_no_gallery_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--gallery", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert str(tmp_path) in error and "sketchseek index" in error
    assert error.count("\n") == 1


def test_a_port_in_use_is_named_with_another_to_try(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        assert main(["serve", "--port", str(port), "--gallery", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"--port {port}: taken" in error
    assert error.count("\n") == 1


def test_a_host_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match=r"no-such-host\.invalid"):
        listen("no-such-host.invalid", 0)


def test_it_says_where_other_machines_reach_it() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert others_address(listening) is None
    with listen("0.0.0.0", 0) as listening:
        place = others_address(listening)
        assert place is None or re.fullmatch(r"http://\d+\.\d+\.\d+\.\d+:\d+", place)
        assert place is None or not place.startswith(("http://127.", "http://0."))


@pytest.mark.skipif(not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"), reason="this machine has no IPv6")
def test_an_ipv6_address_is_printed_as_browsers_take_it() -> None:
    with listen("::1", 0) as listening:
        assert address(listening).startswith("http://[::1]:")


def test_settings_come_from_the_environment_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (server_settings().host, server_settings().port) == ("127.0.0.1", 8000)
    monkeypatch.setenv("SKETCHSEEK_PORT", "9001")
    assert server_settings().port == 9001
    assert server_settings(port=9002).port == 9002
    monkeypatch.setenv("SKETCHSEEK_PORT", "chair")
    with pytest.raises(InputError, match="SKETCHSEEK_PORT"):
        server_settings()
    with pytest.raises(InputError, match="--port"):
        server_settings(port=70_000)
