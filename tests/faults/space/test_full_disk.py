"""A disk of 700 KB that fills: nothing breaks, and the work goes on once there is room."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from faults.space import full_disk
from programs import requires_program, skip_or_fail

pytestmark = requires_program("unshare", "apt-get install util-linux")

SCENE_SECONDS = 280.0


@pytest.mark.timeout(300)
def test_a_full_disk_pauses_and_resumes(tmp_path: Path) -> None:
    """Every set that is there is whole, and every model is published by the same daemon."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        skip_or_fail("this machine gives no user namespaces")
    ended = subprocess.run(
        [*unshare, sys.executable, full_disk.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SCENE_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert seen["wrong"] == []
    assert seen["is_same_daemon"]
    assert seen["while_full"].get("published", 0) < full_disk.MODELS
