"""Parsers of what strangers send: damaged bytes are refused with a reason, or accepted."""

import io
import json
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faults.parsers.damaged import damaged
from model_trees import checkpoint_index, saved_model
from tflited.convert.hub.unpack import unpack
from tflited.convert.preflight.archive import look_at_archive
from tflited.domain.hub import HubLimits
from tflited.domain.job import TriggerSource
from tflited.domain.limits import Limits
from tflited.domain.ports import Root
from tflited.errors import ConversionError, HubError, ModelRefusedError, TriggerRefusedError
from tflited.sources.admission import admit
from tflited.sources.bundle import BundleError, read_index
from tflited.sources.scan import DirectoryScanner, snapshot_of
from tflited.triggers.document import parse

EXAMPLES = settings(max_examples=200, deadline=None)
TRIGGER = json.dumps(
    {
        "version": 1,
        "id": "t",
        "model": {"path": "a/b", "type": "auto"},
        "policy": {"name": "mobile", "override": {"variants": ["int8"]}},
        "save_to": "x/y",
        "priority": 5,
        "force": False,
    }
).encode()
HUB_TRIGGER = b'{"version": 1, "model": {"hub": "https://hub.example/m/1", "input_shape": [1, 4]}}'
INDEX = checkpoint_index({b"dense": (0, 60, 40), b"bias": (1, 0, 8)}, shards=2)
LIMITS = HubLimits(largest_unpacked_bytes=2**20, most_files=20)


def a_keras_archive(compression: int) -> bytes:
    """A file with the members that Keras writes; its weights are no HDF5."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", '{"class_name": "Sequential", "config": {}}' * 4)
        archive.writestr("model.weights.h5", bytes(300))
    return stream.getvalue()


def a_module(mode: str, form: int) -> bytes:
    """An archive of a Hub module."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name in ("saved_model.pb", "variables/variables.index", "assets/" + "n" * 120):
            entry = tarfile.TarInfo(name)
            entry.size = 100
            archive.addfile(entry, io.BytesIO(bytes(100)))
    return stream.getvalue()


KERAS = [a_keras_archive(form) for form in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
MODULES = [
    a_module(mode, form)
    for mode in ("w", "w:gz")
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)
]


@EXAMPLES
@given(st.one_of(damaged(TRIGGER), damaged(HUB_TRIGGER), st.binary(max_size=200)))
def test_a_trigger_is_taken_or_refused(document: bytes) -> None:
    """No document does anything else, whatever its bytes."""
    with suppress(TriggerRefusedError):
        parse(document, TriggerSource.API)


@pytest.mark.parametrize("valid", KERAS, ids=["stored", "deflated"])
@EXAMPLES
@given(data=st.data())
def test_a_keras_file_is_admitted_or_refused(valid: bytes, data: st.DataObject) -> None:
    """Neither the watcher's thread nor the look before the model is opened ends by an archive."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.keras")
        path.write_bytes(data.draw(damaged(valid)))
        root = Root(name="models", path=Path(folder))
        with suppress(ModelRefusedError):
            admit(path, DirectoryScanner().scan(root).models[path.name])
        with suppress(ConversionError):
            look_at_archive(path, Limits(), Path(folder))


@pytest.mark.parametrize("valid", MODULES, ids=["pax", "gnu", "pax gzip", "gnu gzip"])
@EXAMPLES
@given(data=st.data())
def test_a_module_is_unpacked_or_refused(valid: bytes, data: st.DataObject) -> None:
    """And nothing is written outside its folder."""
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top, "module")
        folder.mkdir()
        with suppress(HubError):
            unpack(io.BytesIO(data.draw(damaged(valid))), folder, LIMITS)
        assert [path.name for path in Path(top).iterdir()] == ["module"]


@EXAMPLES
@given(st.one_of(damaged(INDEX), st.binary(max_size=200)))
def test_an_index_is_read_or_refused(content: bytes) -> None:
    """The index of a checkpoint is read in the daemon itself."""
    with suppress(BundleError):
        read_index(content)


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
@EXAMPLES
@given(data=st.data())
def test_a_saved_model_is_admitted_or_refused(name: str, data: st.DataObject) -> None:
    """Whatever became of its graph or of its index."""
    with tempfile.TemporaryDirectory() as folder:
        model = saved_model(Path(folder, "m"))
        (model / name).write_bytes(data.draw(damaged((model / name).read_bytes())))
        snapshot = snapshot_of(model)
        if snapshot is not None:
            with suppress(ModelRefusedError):
                admit(model, snapshot)
