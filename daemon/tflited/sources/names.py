"""Which file names mean something: flags, temporary names, and noise that is no model's content."""

import re
from typing import Final

from tflited.domain.policy import FOLDER_POLICY_NAME

HOLD_NAME: Final = ".hold"
READY_NAME: Final = ".ready"

_TEMPORARY: Final = re.compile(
    r"""
      \..+\.[A-Za-z0-9]{6}      # rsync: .NAME.XXXXXX
    | \.rsync-partial           # rsync --partial-dir, by the name that its manual gives
    | .*\.(?:part|partial|filepart|tmp|temp|lock)       # curl, scp, WinSCP, TF Hub, most others
    | .*\.(?:crdownload|download|opdownload|aria2)  # browsers, downloaders
    | .*_?\.gstmp               # gsutil
    | .*\.[0-9A-Fa-f]{8}           # aws s3 cp: NAME.XXXXXXXX
    | .*\.(?:ocTransferId\d+\.part|upload)             # ownCloud, Nextcloud
    | \.syncthing\..*\.tmp | ~syncthing~.*\.tmp
    | .*\.sw[a-p]               # vim
    | 4913                      # vim probes the directory with this name
    | \.\#.* | \#.*\#            # emacs: lock and auto-save
    | \.goutputstream-[A-Za-z0-9]{6}                   # GIO: gedit, Nautilus
    | ~\$.*                     # office programs over SMB
    | \.nfs[0-9a-f]+            # removed while open over NFS
    | \.fuse_hidden[0-9a-f]+    # removed while open over FUSE
    | \.~tmp~                   # rsync --delay-updates
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NOISE: Final = re.compile(
    r"\.DS_Store|Thumbs\.db|desktop\.ini|\._.*|.*~|\.directory|.*\.kate-swp|.*\.descriptor\.txt",
    re.IGNORECASE,
)
_NOISE_DIRECTORIES: Final = frozenset(
    {
        *("@eaDir", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot"),  # Synology, QNAP
        *("__MACOSX", "lost+found", "__pycache__"),
        *("$RECYCLE.BIN", "System Volume Information"),
    }
)


def is_temporary(name: str) -> bool:
    """Whether a name says that somebody is still writing."""
    return _TEMPORARY.fullmatch(name) is not None


def is_noise(name: str) -> bool:
    """Whether a file is left behind by a desktop, a NAS or an editor and is no model content."""
    return _NOISE.fullmatch(name) is not None


def is_hidden_directory(name: str) -> bool:
    """Whether a directory is never searched for models."""
    return name.startswith(".") or name in _NOISE_DIRECTORIES


def speaks_for_its_folder(name: str) -> bool:
    """Whether a file's coming or going changes what holds for others: a policy or a flag."""
    return name == FOLDER_POLICY_NAME or name.endswith((HOLD_NAME, READY_NAME))
