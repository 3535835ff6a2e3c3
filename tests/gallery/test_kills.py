"""Indexing and following are killed at random moments while photos move, and nothing is lost (``killed_runs``)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from killed_runs import KilledRuns

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kills with a signal")]


def test_nothing_is_lost_when_indexing_or_following_is_killed(tmp_path: Path) -> None:
    runs = KilledRuns(tmp_path)
    for _ in range(3):
        runs.kill_indexing()
    runs.kill_following()
    runs.check_the_end()
    assert runs.kills >= 3
