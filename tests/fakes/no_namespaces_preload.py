"""A preload under an outer filter that refuses ``unshare``, as RestrictNamespaces=yes does."""

import ctypes
import errno
import struct

import fakes.escapes  # noqa: F401 - as the entry is, before the filter
from tflited.workers.sandbox import kernel
from tflited.workers.sandbox.seccomp import ALLOW, ERRNO, assembled

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_UNSHARE = 272
_SECCOMP = 317

kernel.forbid_new_privileges()
_content = assembled(
    [
        (_LOAD, 0, 0, 0),
        (_EQUAL, 0, 1, _UNSHARE),
        (_RETURN, 0, 0, ERRNO | errno.EPERM),
        (_RETURN, 0, 0, ALLOW),
    ]
)
_filter = ctypes.create_string_buffer(_content, len(_content))
kernel.call(
    "seccomp",
    _SECCOMP,
    1,
    0,
    struct.pack("HxxxxxxQ", len(_content) // 8, ctypes.addressof(_filter)),
)
