"""Scenes that need mounts, limits or a user of their own; each runs in namespaces of its own.

``play`` starts this file as a program there. It prints one JSON object: what was seen.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from model_trees import saved_model, write
from tflited.domain.observation import Sight
from tflited.domain.ports import Root
from tflited.sources import pace
from tflited.sources.mounts import Mount, MountTable
from watched_root import NEVER_SECONDS, Watched

NOBODY = 65534
SCENE_SECONDS = 120.0
HERE = Path(__file__).resolve()


def play(
    scene: str,
    folder: Path,
    program: ModuleType | None = None,
    *more: str,
    seconds: float = SCENE_SECONDS,
) -> dict[str, Any]:
    """Plays a scene in a user and a mount namespace of its own; skips where there are none.

    Args:
        scene: its name.
        folder: is its own.
        program: the module that has it; this one by default.
        more: further options of unshare(1).
        seconds: longest time.
    """
    file = HERE if program is None else str(program.__file__)
    unshare = ["unshare", "--user", "--map-root-user", "--mount", *more]
    if scene == unreadable.__name__:  # whoever may override permissions reads everything
        unshare = ["unshare", "--user"]
        folder.chmod(0o777)
        for above in folder.parents[:2]:
            above.chmod(0o755)
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no user namespaces (kernel.unprivileged_userns_clone?)")
    path = os.pathsep.join([str(HERE.parent), str(HERE.parents[1] / "daemon")])
    ended = subprocess.run(
        [*unshare, sys.executable, str(file), scene, str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    seen["log"] = ended.stdout
    return seen


def mount(*arguments: str) -> None:
    """Mounts, in this namespace only."""
    subprocess.run(["mount", *arguments], check=True)


def watched(folder: Path, *, scan_seconds: float = NEVER_SECONDS) -> Watched:
    """A root below the scene's folder."""
    (folder / "models").mkdir(exist_ok=True)
    root = Root(name="models", path=folder / "models")
    return Watched(root, cache=folder / "cache", scan_seconds=scan_seconds)


def set_limit(name: str, value: int) -> None:
    """Lowers a limit of this user namespace."""
    Path("/proc/sys/user", name).write_text(str(value), encoding="ascii")


def watch_limit(folder: Path) -> dict[str, object]:
    """Twelve watches for thirty folders; later enough for all."""
    set_limit("max_inotify_watches", 12)
    for number in range(30):
        (folder / "models" / f"f{number:02}").mkdir(parents=True)
    with watched(folder) as seen:
        first = seen.looks()[-1]
        for number in range(30):
            saved_model(folder / "models" / f"f{number:02}" / "net")
        for number in range(30):
            seen.wait_for(f"f{number:02}/net", Sight.ADMITTED)
        set_limit("max_inotify_watches", 10_000)
        seen.watch.accept_root("models")  # a reason for a whole scan
        seen.wait(lambda: not seen.looks()[-1].unwatched, "every folder to be watched")
        last = seen.looks()[-1]
        return {
            "unwatched": first.unwatched,
            "polled": dict(first.polled),
            "later": dict(last.polled),
            "missed": seen.missed(),
        }


def instance_limit(folder: Path) -> dict[str, object]:
    """No inotify instance at all at the start; later there is one."""
    set_limit("max_inotify_instances", 0)
    with watched(folder) as seen:
        first = seen.looks()[-1]
        saved_model(folder / "models" / "net")
        seen.wait_for("net", Sight.ADMITTED)
        set_limit("max_inotify_instances", 100)
        seen.wait(lambda: not seen.looks()[-1].unwatched, "the root to be watched")
        return {
            "unwatched": first.unwatched,
            "polled": dict(first.polled),
            "later": dict(seen.looks()[-1].polled),
        }


def blind_mount(folder: Path) -> dict[str, object]:
    """An overlay whose lower layer is changed below it raises no event."""
    for name in ("lower", "empty", "models", "models/remote"):
        (folder / name).mkdir()
    layers = f"lowerdir={folder / 'lower'}:{folder / 'empty'}"
    mount("-t", "overlay", "overlay", "-o", layers, str(folder / "models" / "remote"))
    with watched(folder, scan_seconds=1.0) as seen:
        saved_model(folder / "lower" / "net")
        seen.wait_for("remote/net", Sight.ADMITTED)
        seen.wait(seen.missed, "the audit")
        seen.wait(lambda: seen.looks()[-1].polled, "the mount to be polled")
        missed = seen.missed()
        saved_model(folder / "models" / "local")
        seen.wait_for("local", Sight.ADMITTED)
        return {"missed": missed, "polled": dict(seen.looks()[-1].polled)}


def remote_part(folder: Path) -> dict[str, object]:
    """A part of a root that the mount table calls remote is polled, the rest is not."""
    (folder / "models" / "part").mkdir(parents=True)
    part = folder / "models" / "part"
    mount("-t", "tmpfs", "tmpfs", str(part))
    table = MountTable([Mount("/", "ext4"), Mount(str(part.resolve()), "nfs4")])
    MountTable.read = classmethod(lambda _: table)  # type: ignore[assignment,method-assign]
    with watched(folder) as seen:
        watch = seen.watch._roots["models"]
        watch._hints.stop(1.0)  # as blind as a change on another machine
        saved_model(part / "net")
        seen.wait_for("part/net", Sight.ADMITTED)
        return {"polled": dict(seen.looks()[0].polled), "whole": seen.whole_looks()}


def unmounted(folder: Path) -> dict[str, object]:
    """A root that is a mount goes, leaves an empty folder, and comes back."""
    root = folder / "models"
    root.mkdir()
    (folder / "disk").mkdir()
    saved_model(folder / "disk" / "net")
    mount("--bind", str(folder / "disk"), str(root))
    with watched(folder) as seen:
        seen.wait_for("net", Sight.ADMITTED)
        subprocess.run(["umount", "--lazy", str(root)], check=True)
        seen.watch.look_again("models", "net")  # somebody looks before the next whole scan
        reason = seen.wait_for_outage()
        mount("--bind", str(folder / "disk"), str(root))
        seen.wait(lambda: seen.looks()[-1].is_available, "the root to be back")
        sights = [sight.value for sight in seen.sights("net")]
        subprocess.run(["umount", "--lazy", str(root)], check=True)
        seen.watch.look_again("models", "net")
        seen.wait_for_outage()
        seen.watch.accept_root("models")
        seen.wait_for("net", Sight.GONE)
        return {"reason": reason, "sights": sights}


def other_device(folder: Path) -> dict[str, object]:
    """Another file system in the root's place, with other models on it."""
    root = folder / "models"
    root.mkdir()
    for name in ("one", "two", "three"):
        saved_model(root / name)
    with watched(folder) as seen:
        for name in ("one", "two", "three"):
            seen.wait_for(name, Sight.ADMITTED)
        mount("-t", "tmpfs", "tmpfs", str(root))
        saved_model(root / "stranger")
        seen.watch.look_again("models", "one")
        reason = seen.wait_for_outage()
        told = seen.sights("stranger")
        seen.watch.accept_root("models")
        seen.wait_for("stranger", Sight.ADMITTED)
        seen.wait_for("two", Sight.GONE)
        return {"reason": reason, "told": [str(sight) for sight in told]}


def lost_part(folder: Path) -> dict[str, object]:
    """A mount below a root goes; its models are not gone, the others work on."""
    part = folder / "models" / "part"
    part.mkdir(parents=True)
    mount("-t", "tmpfs", "tmpfs", str(part))
    saved_model(part / "net")
    saved_model(folder / "models" / "local")
    with watched(folder, scan_seconds=1.0) as seen:
        seen.wait_for("part/net", Sight.ADMITTED)
        seen.wait_for("local", Sight.ADMITTED)
        subprocess.run(["umount", "--lazy", str(part)], check=True)
        seen.wait(lambda: "part" in seen.looks()[-1].trouble, "the trouble to be told")
        trouble = seen.looks()[-1].trouble["part"]
        saved_model(folder / "models" / "later")
        seen.wait_for("later", Sight.ADMITTED)
        sights = [sight.value for sight in seen.sights("part/net")]
        missed = seen.missed()
        seen.watch.accept_root("models")
        seen.wait_for("part/net", Sight.GONE)
        return {"trouble": trouble, "sights": sights, "missed": missed}


def unreadable(folder: Path) -> dict[str, object]:
    """A folder that may not be read, later may, and then may not again."""
    saved_model(folder / "models" / "closed" / "net")
    saved_model(folder / "models" / "open")
    (folder / "models" / "closed").chmod(0)
    with watched(folder) as seen:
        seen.wait_for("open", Sight.ADMITTED)
        trouble = seen.looks()[0].trouble["closed"]
        (folder / "models" / "closed").chmod(0o755)
        first = seen.wait_for("closed/net", Sight.ADMITTED)
        write(folder / "models" / "closed" / "net" / "assets" / "note")
        seen.wait_for_digest("closed/net", first)
        (folder / "models" / "closed").chmod(0)
        seen.wait(lambda: "closed" in seen.looks()[-1].trouble, "the trouble")
        return {"trouble": trouble, "last": str(seen.sights("closed/net")[-1])}


SCENES: Mapping[str, Callable[[Path], dict[str, object]]] = {
    one.__name__: one
    for one in (
        watch_limit,
        instance_limit,
        blind_mount,
        remote_part,
        unmounted,
        other_device,
        lost_part,
        unreadable,
    )
}


def main() -> None:
    """Plays the scene that the command line names."""
    pace.POLL_SECONDS = 0.5  # type: ignore[misc]
    pace.OUTAGE_SECONDS = 0.5  # type: ignore[misc]
    scene, folder = sys.argv[1:]
    print(json.dumps(SCENES[scene](Path(folder))))  # noqa: T201  # the answer


if __name__ == "__main__":
    main()
