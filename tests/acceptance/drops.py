"""What a member of the drop group does on a build host, and what comes of it."""

import shutil
from pathlib import Path
from typing import Any, Final

from acceptance.build_host import MODELS, BuildHost
from waiting import wait_until

PUBLISHED: Final = "/srv/tflited/published/models"
BUILD_SECONDS: Final = 400


def drop(host: BuildHost, model: Path, name: str) -> str:
    """Alice, a member of the group, copies a model into the drop folder; gives its name."""
    shutil.copyfile(model, host.path(f"/tmp/{name}"))
    host.run(f"cp /tmp/{name} {MODELS}/{name}", user="alice")
    return name


def wait_for(host: BuildHost, name: str, *phases: str) -> dict[str, Any]:
    """Waits until a model is in one of these phases; gives the daemon's answer about it."""

    def reached() -> dict[str, Any]:
        answer = host.why(name)
        return answer if (answer.get("model") or {}).get("phase") in phases else {}

    return wait_until(reached, BUILD_SECONDS, what=f"{name} to be {' or '.join(phases)}")
