"""What changes a gallery is killed at random moments while photos move, and nothing is lost (``killed_runs``)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from killed_runs import KilledRuns

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kills with a signal")]


def test_nothing_is_lost_by_kills(tmp_path: Path) -> None:
    runs = KilledRuns(tmp_path)
    runs.kill_indexing()
    runs.kill_following()
    runs.kill_model_change()
    runs.kill_deleting()
    runs.kill_creation()
    runs.check_the_end()
    assert runs.kills.total() >= 3
