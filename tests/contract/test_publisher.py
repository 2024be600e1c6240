"""What every publisher must do: the same cases over the output tree and the double in memory."""

from pathlib import Path

import pytest

from fakes.publisher import MemoryPublisher
from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.job import UNBOUND
from tflited.domain.model import ModelId
from tflited.domain.policy import OnReject, OnSourceRemoved, Policy, Variant
from tflited.domain.ports import Published, Publisher
from tflited.domain.report import VariantState
from tflited.errors import OutputError, ProofError
from tflited.output.tree import OutputTree

PROVEN, UNVERIFIED, REJECTED = VariantState.PROVEN, VariantState.UNVERIFIED, VariantState.REJECTED


@pytest.fixture(params=["tree", "memory"])
def publisher(request: pytest.FixtureRequest, tmp_path: Path) -> Publisher:
    root = tmp_path / "output"
    return OutputTree(root, reserve_bytes=0) if request.param == "tree" else MemoryPublisher(root)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def publish(
    publisher: Publisher,
    scratch: Path,
    job_id: int = 1,
    path: str = MODEL.path,
    **changes: str | None,
) -> Published:
    """One publication of a float32 set."""
    report = a_left_set(scratch / str(job_id))
    job = a_job(job_id, path, **changes)
    return publisher.publish(job, Policy(), a_publish_key(), report, scratch / str(job_id))


def test_a_published_set_can_be_read_back(publisher: Publisher, scratch: Path) -> None:
    """What publish returns is what the tree holds."""
    published = publish(publisher, scratch)
    assert publisher.manifest(MODEL) == published.manifest
    assert publisher.manifests() == [published.manifest]
    assert published.directory == publisher.directory(MODEL)
    assert published.manifest.model == MODEL
    assert published.manifest.build_key == a_publish_key().build_key
    assert published.manifest.stage_seconds == {"load": 0.5}
    assert publisher.damage(published.manifest) == ""


def test_nothing_is_published_at_first(publisher: Publisher) -> None:
    """An empty tree has no manifest and is no error."""
    assert publisher.manifest(MODEL) is None
    assert publisher.manifests() == []


def test_a_newer_set_takes_the_place(publisher: Publisher, scratch: Path) -> None:
    """There is one set of a model, the newest."""
    publish(publisher, scratch, 1)
    publish(publisher, scratch, 2)
    assert [manifest.job for manifest in publisher.manifests()] == [2]


def test_save_to_names_the_place(publisher: Publisher, scratch: Path) -> None:
    """A set saved elsewhere leaves the mirrored place free, and says where it is."""
    published = publish(publisher, scratch, save_to="release/v1")
    assert published.directory == publisher.directory(MODEL, "release/v1")
    assert published.manifest.save_to == "release/v1"
    assert publisher.manifest(MODEL) is None
    assert publisher.manifest(MODEL, "release/v1") == published.manifest


@pytest.mark.parametrize(("key", "recorded"), [("f" * 64, "f" * 64), (UNBOUND, None), (None, None)])
def test_a_set_says_what_the_folder_asked_for(
    publisher: Publisher, scratch: Path, key: str | None, recorded: str | None
) -> None:
    """Where a trigger's own policy built it, as far as it matters there."""
    publish(publisher, scratch, folder_key=key)
    manifest = publisher.manifest(MODEL)
    assert manifest is not None
    assert manifest.folder_key == recorded


@pytest.mark.parametrize("place", ["/etc", "../up", "a//b", "a/./b", ".tflited/staging", "", "a/"])
def test_a_place_outside_the_tree_is_refused(
    publisher: Publisher, scratch: Path, place: str
) -> None:
    """No trigger writes outside the output tree or into its private area."""
    with pytest.raises(OutputError):
        publish(publisher, scratch, save_to=place)
    assert publisher.manifests() == []


def test_another_models_set_is_not_replaced(publisher: Publisher, scratch: Path) -> None:
    """Two models cannot share a place: the first stays."""
    publish(publisher, scratch, 1, "a", save_to="shared")
    with pytest.raises(OutputError, match="models/a"):
        publish(publisher, scratch, 2, "b", save_to="shared")
    assert [manifest.path for manifest in publisher.manifests()] == ["a"]


@pytest.mark.parametrize("places", [("x", "x/y"), ("x/y", "x"), ("x", "x/y/z")])
def test_sets_do_not_nest(publisher: Publisher, scratch: Path, places: tuple[str, str]) -> None:
    """A set inside another would vanish with it."""
    first, second = places
    publish(publisher, scratch, 1, "a", save_to=first)
    with pytest.raises(OutputError):
        publish(publisher, scratch, 2, "b", save_to=second)
    assert [manifest.path for manifest in publisher.manifests()] == ["a"]


def test_a_rejected_variant_is_listed_and_left_out(publisher: Publisher, scratch: Path) -> None:
    """The manifest says what is missing and why."""
    report = a_left_set(scratch, variants={Variant.FLOAT32: PROVEN, Variant.INT8: REJECTED})
    manifest = publisher.publish(a_job(), Policy(), a_publish_key(), report, scratch).manifest
    assert [(entry.variant, entry.state) for entry in manifest.variants] == [
        ("float32", PROVEN),
        ("int8", REJECTED),
    ]
    assert "snr" in manifest.variants[1].reason
    assert not any(file.path.startswith("int8/") for file in manifest.files)


@pytest.mark.parametrize(
    ("policy", "variants", "error"),
    [
        (
            Policy(on_reject=OnReject.HOLD),
            {Variant.FLOAT32: PROVEN, Variant.INT8: REJECTED},
            OutputError,
        ),
        (Policy(), {Variant.INT8: REJECTED}, OutputError),
        (Policy(require_proof=True), {Variant.INT8: UNVERIFIED}, OutputError),
        (Policy(), {Variant.FLOAT32: REJECTED, Variant.INT8: PROVEN}, ProofError),
    ],
)
def test_a_set_that_the_policy_refuses_leaves_the_last_good_one(
    publisher: Publisher,
    scratch: Path,
    policy: Policy,
    variants: dict[Variant, VariantState],
    error: type[Exception],
) -> None:
    """Held back, nothing left, nothing proven, or a wrong baseline: the old set stays."""
    publish(publisher, scratch, 1)
    report = a_left_set(scratch / "2", variants=variants)
    with pytest.raises(error):
        publisher.publish(a_job(2), policy, a_publish_key(), report, scratch / "2")
    assert [manifest.job for manifest in publisher.manifests()] == [1]


@pytest.mark.parametrize("archive", [True, False])
def test_a_withdrawn_set_is_gone(publisher: Publisher, scratch: Path, archive: bool) -> None:
    """Withdrawing takes the model's set and no other."""
    publish(publisher, scratch, 1)
    publish(publisher, scratch, 2, "other")
    publisher.withdraw(MODEL, archive=archive)
    assert [manifest.path for manifest in publisher.manifests()] == ["other"]


def test_withdrawing_what_is_not_there_does_nothing(publisher: Publisher, scratch: Path) -> None:
    """A model that was never published may be removed too, and a set saved elsewhere stays."""
    publish(publisher, scratch, save_to="elsewhere")
    publisher.withdraw(MODEL, archive=True)
    publisher.withdraw(ModelId(root="models", path="never"), archive=False)
    assert len(publisher.manifests()) == 1


def test_a_sweep_leaves_what_is_published(publisher: Publisher, scratch: Path) -> None:
    """Starting the daemon costs no set."""
    published = publish(publisher, scratch)
    publisher.sweep()
    assert publisher.manifest(MODEL) == published.manifest


def test_a_fresh_tree_is_writable(publisher: Publisher) -> None:
    """An empty answer means that a set could be published."""
    publisher.sweep()
    assert not publisher.check_writable()


def test_models_of_a_root_by_name(publisher: Publisher, scratch: Path) -> None:
    """Those below its folder, whatever other roots and places have."""
    publish(publisher, scratch, 1, "a")
    publish(publisher, scratch, 2, "b/1")
    publish(publisher, scratch, 3, "c", save_to="release/c")
    names = [ModelId(root=MODEL.root, path=path) for path in ("a", "b/1")]
    assert publisher.models(MODEL.root) == names
    assert publisher.models("another") == []


def test_a_set_tells_the_policy_it_was_built_under(publisher: Publisher, scratch: Path) -> None:
    """Key by key, as JSON has it; nothing where there is no set."""
    assert publisher.policy_keys(MODEL) == {}
    publish(publisher, scratch)
    assert publisher.policy_keys(MODEL)["variants"] == ["float32", "dynamic_range", "float16"]


def test_a_set_records_what_happens_when_its_model_goes(
    publisher: Publisher, scratch: Path
) -> None:
    """The folder that said so may go together with the model."""
    published = publish(publisher, scratch)
    assert published.manifest.on_source_removed is OnSourceRemoved.KEEP
