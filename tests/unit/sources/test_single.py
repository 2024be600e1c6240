"""One look without watching: what is there is admitted or refused at once."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub_server import HubServer, Reply, small_module
from model_trees import saved_model, write
from tflited.domain.model import Digest, ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Root
from tflited.errors import SourceChangedError
from tflited.sources.hub import HubModels
from tflited.sources.single import SingleLook


class StoppedClock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        """Always the same."""
        return 0.0

    def now(self) -> datetime:
        """Always the same."""
        return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def look(make_hub: Callable[..., HubModels]) -> SingleLook:
    return SingleLook(StoppedClock(), make_hub(StoppedClock(), is_offline=True))


def observations(look: SingleLook, root: Root, scope: str = "") -> list[Observation]:
    return [one for one in look.look(root, scope) if isinstance(one, Observation)]


def test_whole_and_torn_models_are_told_apart(look: SingleLook, root: Root) -> None:
    """Each model with its own answer; nothing waits."""
    saved_model(root.path / "good")
    saved_model(root.path / "torn", data_bytes=1)
    found = {one.model.path: one for one in observations(look, root)}
    assert found["good"].sight is Sight.ADMITTED
    assert found["good"].digest
    assert found["torn"].sight is Sight.REFUSED
    assert found["torn"].hint


def test_the_root_comes_first(look: SingleLook, root: Root) -> None:
    """Policies are known before the models they hold for."""
    write(root.path / ".tflited.toml")
    saved_model(root.path / "net")
    first = next(iter(look.look(root)))
    assert isinstance(first, RootObservation)
    assert set(first.policies) == {".tflited.toml"}


def test_a_missing_root_is_an_outage(look: SingleLook, root: Root) -> None:
    """The reason names the place."""
    root.path.rmdir()
    (only,) = look.look(root)
    assert isinstance(only, RootObservation)
    assert not only.is_available
    assert str(root.path) in only.reason


def test_a_scope_limits_the_look(look: SingleLook, root: Root) -> None:
    """A one-off conversion reads one model of a large folder."""
    saved_model(root.path / "one")
    saved_model(root.path / "two")
    assert [one.model.path for one in observations(look, root, "two")] == ["two"]


def test_staging_what_was_found(look: SingleLook, root: Root, tmp_path: Path) -> None:
    """The copy is proven against the digest; what was not found cannot be staged."""
    saved_model(root.path / "net")
    (found,) = observations(look, root)
    assert found.digest
    assert look.stage(found.model, tmp_path, found.digest).is_dir()
    assert look.is_unchanged(found.model, found.digest)
    assert not look.is_unchanged(ModelId(root="models", path="other"), found.digest)
    with pytest.raises(SourceChangedError):
        look.stage(ModelId(root="models", path="other"), tmp_path, Digest("0" * 64))


def test_data_is_found_and_digested(look: SingleLook, tmp_path: Path) -> None:
    """As the watching sources do it."""
    write(tmp_path / "a.npz")
    files = look.find_data(str(tmp_path / "*.npz"))
    assert [entry.path.name for entry in files] == ["a.npz"]
    assert look.digest_data(files) != look.digest_data(())


def test_a_hub_reference_is_fetched_where_asked(
    root: Root, make_hub: Callable[..., HubModels], tmp_path: Path
) -> None:
    """A one-off conversion waits for the module; a failure is the refusal."""
    with HubServer().running() as server:
        server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
        write(root.path / "net.hub.toml", f'handle = "{server.handle()}"'.encode())
        write(root.path / "no.hub.toml", f'handle = "{server.handle("/no")}"'.encode())
        hub = make_hub(StoppedClock(), server.host)
        look = SingleLook(StoppedClock(), hub, should_fetch=True)
        found = {one.model.path: one for one in observations(look, root)}
    admitted = found["net.hub.toml"]
    assert admitted.digest is not None
    (tmp_path / "stage").mkdir()
    copy = look.stage(admitted.model, tmp_path / "stage", admitted.digest)
    assert (copy / "module" / "saved_model.pb").is_file()
    assert found["no.hub.toml"].sight is Sight.REFUSED
    assert "404" in found["no.hub.toml"].reason


def test_a_hub_reference_is_not_fetched_for_a_question(look: SingleLook, root: Root) -> None:
    """It waits, as in the daemon."""
    write(root.path / "net.hub.toml", b'handle = "https://hub.example/net/1"')
    (seen,) = observations(look, root)
    assert seen.sight is Sight.SETTLING
    assert "hub.example" in seen.reason
