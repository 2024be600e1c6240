"""The mount table: which folders other machines may write to."""

from pathlib import Path

import pytest

from tflited.sources.mounts import Mount, MountTable

TABLE = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:50 / /data/nfs rw shared:2 master:3 - nfs4 server:/export rw,vers=4.2
31 22 0:51 / /data/a\040b rw - cifs //server/share rw
32 22 0:52 / /merged rw - overlay overlay rw,lowerdir=/opt:/data/nfs/layer,upperdir=/up,workdir=/w
33 22 0:53 / /local rw - overlay overlay rw,lowerdir=/opt,upperdir=/up,workdir=/w
34 22 0:54 / /usb rw - fuseblk /dev/sdb1 rw
35 22 0:55 / /ssh rw - fuse.sshfs host:/ rw
36 30 254:0 / /data/nfs/back rw - ext4 /dev/vdb rw
a line that is no mount
"""


@pytest.fixture
def table(tmp_path: Path) -> MountTable:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE, encoding="ascii")
    return MountTable.read(path)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/models", ""),
        ("/data/nfs", "nfs4"),
        ("/data/nfs/deep/er", "nfs4"),
        ("/data/nfs/back/x", ""),
        ("/data/nfsx", ""),
        ("/data/a b/x", "cifs"),
        ("/merged", "overlay on nfs4"),
        ("/local", ""),
        ("/usb/x", ""),
        ("/ssh", "fuse.sshfs"),
    ],
)
def test_the_deepest_mount_decides(table: MountTable, path: str, kind: str) -> None:
    """An overlay is as remote as its layers, a local disk below a remote one is local."""
    assert table.remote_kind(Path(path)) == kind


def test_a_later_mount_covers_an_earlier_one() -> None:
    """Of two at one place the last holds."""
    table = MountTable([Mount("/", "ext4"), Mount("/m", "ext4"), Mount("/m", "nfs")])
    assert table.remote_kind(Path("/m/x")) == "nfs"


def test_this_machine_has_a_mount_table() -> None:
    """The real one names a file system for the root directory."""
    found = MountTable.read().of(Path("/"))
    assert found is not None
    assert found.kind


def test_without_a_table_everything_is_local(tmp_path: Path) -> None:
    """As before there were mounts to tell apart."""
    assert MountTable.read(tmp_path / "missing").remote_kind(tmp_path) == ""
