"""Names that say "still being written", names that are noise, folders that are never searched."""

import pytest

from tflited.sources.names import is_hidden_directory, is_noise, is_temporary


@pytest.mark.parametrize(
    "name",
    [
        ".digits.keras.a1B2c3",
        "digits.keras.part",
        "digits.keras.PARTIAL",
        "upload.tmp",
        "model.crdownload",
        "model.filepart",
        ".model.keras.swp",
        "4913",
        ".nfs000000000123abcd",
        ".fuse_hidden0000002d",
        ".~tmp~",
        ".rsync-partial",
        "Unconfirmed 123456.crdownload",
        "model.keras.aria2",
        "model.keras_.gstmp",
        "model.keras.6eF4a2B0",
        "model.keras.ocTransferId1234.part",
        ".syncthing.model.keras.tmp",
        "~syncthing~model.keras.tmp",
        ".#model.keras",
        "#model.keras#",
        ".goutputstream-A1B2C3",
        "~$model.keras",
        "0123abcd.5f1b5d2e.tmp",
        "0123abcd.lock",
    ],
)
def test_names_of_writers_at_work_are_temporary(name: str) -> None:
    """Each is what a named tool leaves while it writes."""
    assert is_temporary(name)


@pytest.mark.parametrize(
    "name",
    [
        "variables.data-00000-of-00001",
        "digits.keras",
        "saved_model.pb",
        "part",
        "4913.keras",
        "tmp.h5",
        ".tflited.toml",
    ],
)
def test_ordinary_names_are_not_temporary(name: str) -> None:
    """A model is not held up for ever by a name that only looks alike."""
    assert not is_temporary(name)


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "thumbs.db",
        "desktop.ini",
        "._saved_model.pb",
        "a~",
        ".model.keras.kate-swp",
        "0123.descriptor.txt",
    ],
)
def test_what_desktops_leave_is_noise(name: str) -> None:
    """Noise changes no digest."""
    assert is_noise(name)


def test_model_files_are_no_noise() -> None:
    """Nothing that a model consists of is left out of its digest."""
    names = ["saved_model.pb", "variables.index", "variables.data-00000-of-00001", "vocab.txt"]
    assert not [name for name in names if is_noise(name)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".git", True),
        ("@eaDir", True),
        ("__MACOSX", True),
        ("lost+found", True),
        ("vision", False),
        ("#recycle", True),
        (".@__thumb", True),
        (".AppleDouble", True),
        (".stfolder", True),
        (".stversions", True),
        ("$RECYCLE.BIN", True),
    ],
)
def test_hidden_folders(name: str, expected: bool) -> None:
    """Folders of tools are never searched for models."""
    assert is_hidden_directory(name) is expected
