"""The composition of Hub references: what the configuration says reaches the parts."""

from pathlib import Path

import pytest

from model_trees import saved_model, write
from tflited.clock import SystemClock
from tflited.domain.model import ModelId
from tflited.domain.observation import Sight
from tflited.errors import ModelRefusedError
from tflited.hub import hub_models
from tflited.settings.load import load
from tflited.sources.digest import Digester
from tflited.sources.scan import DirectoryScanner

MAIN_FILE = """\
[daemon]
settle_seconds = 0.0
[hub]
hosts = ["hub.example"]
cache = "modules"
[[root]]
path = "models"
"""


def test_hosts_cache_and_roots(tmp_path: Path) -> None:
    """One main file, and no network."""
    settings = load(path=write(tmp_path / "tflited.toml", MAIN_FILE.encode()))
    root = settings.roots[0]
    hub = hub_models(settings, SystemClock(), is_offline=True)
    saved_model(hub.cache.place("http://hub.example/net"))
    for name, handle in (("a", "http://hub.example/net"), ("b", "https://other.example/net")):
        write(root.path / f"{name}.hub.toml", f'handle = "{handle}"'.encode())
    found = DirectoryScanner().scan(root).models
    file, model = root.path / "a.hub.toml", ModelId(root="models", path="a.hub.toml")
    snapshot = found[model.path]
    hub.open(model, file, snapshot, Digester().model(file, snapshot))
    assert hub.tell(model).sight is Sight.ADMITTED
    assert hub.cache.place("x").parent == tmp_path / "modules"
    other = root.path / "b.hub.toml"
    with pytest.raises(ModelRefusedError, match=r"other\.example"):
        hub.open(model, other, found["b.hub.toml"], Digester().model(file, snapshot))
