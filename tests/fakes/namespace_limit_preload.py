"""A preload inside a user namespace that may have no further one, as some containers are."""

import os
from pathlib import Path

import fakes.escapes  # noqa: F401 - as the entry is
from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.namespaces import CLONE_NEWUSER

_parent, _uid, _gid = os.getppid(), os.geteuid(), os.getegid()
kernel.unshare(CLONE_NEWUSER)
for _name, _text in (("setgroups", "deny"), ("uid_map", f"0 {_uid} 1"), ("gid_map", f"0 {_gid} 1")):
    Path("/proc/self", _name).write_text(_text, encoding="ascii")
for _kind in ("user", "net", "ipc", "uts"):
    Path(f"/proc/sys/user/max_{_kind}_namespaces").write_text("0", encoding="ascii")
kernel.die_with_parent(_parent)
