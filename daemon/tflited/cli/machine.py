"""What ``tflited doctor`` looks at of the machine: kernel, mounts, room, owners of the folders."""

import grp
import os
import pwd
import shutil
import stat
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tflited.cli.finding import Finding
from tflited.settings.model import Settings
from tflited.workers.sandbox.landlock import abi

LEAST_WATCHES: Final = 8192
LEAST_INSTANCES: Final = 16
LEAST_FREE_BYTES: Final = 1 << 30
"""A set of a large model with its copy, its scratch space and the store's log fit into it."""
_INOTIFY: Final = Path("/proc/sys/fs/inotify")


def findings(loaded: Settings) -> Iterator[Finding]:
    """Everything about the machine that a daemon with this configuration depends on."""
    yield landlock()
    yield kernel_limit("max_user_watches", LEAST_WATCHES)
    yield kernel_limit("max_user_instances", LEAST_INSTANCES)
    for program in (Path(sys.prefix), Path(sysconfig.get_path("purelib"))):
        yield executable(program)
    for name, folder in (("output", loaded.output), ("state", loaded.state)):
        yield room(name, folder)
    for root in loaded.roots:
        if root.path.is_dir():
            yield owners(root.name, root.path)


def landlock() -> Finding:
    """Whether the kernel can confine what a child opens."""
    try:
        return Finding("Landlock", True, f"ABI {abi()}")
    except OSError as error:
        reason = error.strerror
    text = (
        f"{reason}; no model is opened without it: boot Linux 5.13 or later with lsm=landlock,... "
        "on its command line; docs/security.md tells of the setting per root"
    )
    return Finding("Landlock", False, text)


def kernel_limit(name: str, least: int) -> Finding:
    """One of the kernel's limits for inotify against what a tree of models needs."""
    limit = int((_INOTIFY / name).read_text().strip())
    text = str(limit)
    if limit < least:
        text += f", advised {least}: sysctl fs.inotify.{name}={least}"
    return Finding(f"inotify {name.rpartition('_')[2]}", limit >= least, text)


def executable(folder: Path) -> Finding:
    """Whether libraries below a folder may be loaded: TensorFlow's are."""
    name = f"program in {folder}"
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return Finding(name, False, "mounted noexec: remount it with exec, or install elsewhere")
    return Finding(name, True, "may be executed")


def room(name: str, folder: Path) -> Finding:
    """Whether the file system of a folder has room for what is written there."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{free >> 20} MiB free at {there}"
    if free < LEAST_FREE_BYTES:
        text += f", advised {LEAST_FREE_BYTES >> 20}: make room, or move {name} in [daemon]"
    return Finding(f"room for {name}", free >= LEAST_FREE_BYTES, text)


def owners(name: str, folder: Path) -> Finding:
    """Whether what one person drops into a root can be read by the service's group.

    A folder that several people may write to needs the set-group-id bit: without it a file gets
    its owner's own group, and the service may not read it.
    """
    found = folder.stat()
    mode = stat.S_IMODE(found.st_mode)
    told = f"{stat.filemode(found.st_mode)} {_user(found.st_uid)}:{_group(found.st_gid)}"
    heading = f"owners of root {name}"
    if mode & stat.S_IWGRP and not mode & stat.S_ISGID:
        fix = f"members' files get their own group: chmod g+s {folder}"
        return Finding(heading, False, f"{told}; {fix}")
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        fix = f"anybody may replace a model: chmod o-w {folder}"
        return Finding(heading, False, f"{told}; {fix}")
    return Finding(heading, True, told)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
