"""Answers to why, plan and status from what the engine knows."""

from dataclasses import replace
from pathlib import Path

import pytest

from fakes.engine import DATA, SETTLE_SECONDS, World, a_data_file, an_end
from fakes.samples import MODEL, NOON, after
from tflited.domain.attempt import AttemptResult
from tflited.domain.observation import Sight
from tflited.domain.policy import Calibration, Policy
from tflited.domain.retry import delay_seconds
from tflited.domain.status import Action, HealthCheck, Phase
from tflited.engine.explain import Explainer, status_of


@pytest.fixture
def explainer(world: World) -> Explainer:
    return world.control().explainer


def test_why_tells_all_of_a_published_model(world: World, explainer: Explainer) -> None:
    """Phase, policy with its origins, job, manifest and place."""
    world.build()
    answer = explainer.why(str(MODEL))
    assert answer.subject == "model"
    assert answer.summary == f"{MODEL} is published: published by job 1."
    assert (answer.policy_name, dict(answer.origins)) == ("base", {"target": "cpu (built-in)"})
    assert answer.job is not None
    assert answer.manifest is not None
    assert answer.output == "/output/models/vision/mobilenet"


def test_why_of_a_part_answers_for_its_model(world: World, explainer: Explainer) -> None:
    """A file of a SavedModel is asked for as often as its folder."""
    world.build()
    answer = explainer.why(f"{MODEL}/saved_model.pb")
    assert answer.subject == "part of a model"
    assert answer.model is not None


def test_why_tells_when_the_next_attempt_is_due(world: World, explainer: Explainer) -> None:
    """After a crash the job waits."""
    world.executor.script = [an_end(AttemptResult.CRASH)]
    world.build()
    assert explainer.why(str(MODEL)).next_retry == after(delay_seconds(1))


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("", "root"),
        ("folder", "folder"),
        ("folder/.tflited.toml", "policy file"),
        ("notes.txt", "ignored"),
        ("new.keras", "ignored"),
        ("nothing", "not there"),
    ],
)
def test_why_knows_what_is_no_model(
    world: World, explainer: Explainer, path: str, subject: str
) -> None:
    """Every path below a root has an answer."""
    folder = world.root.path / "folder"
    folder.mkdir()
    for name in ("notes.txt", "new.keras", "folder/.tflited.toml"):
        (world.root.path / name).touch()
    assert explainer.why(str(world.root.path / path)).subject == subject


def test_why_of_data_names_the_models_that_use_it(world: World, explainer: Explainer) -> None:
    """A file that is no model, and yet matters."""
    data = world.root.path / "a.npz"
    data.touch()
    world.resolver.policy = Policy(calibration=Calibration(data=DATA))
    world.sources.data = {DATA: (replace(a_data_file(), path=data),)}
    world.scan()
    world.see()
    world.clock.advance(SETTLE_SECONDS)
    world.run()
    answer = explainer.why("models/a.npz")
    assert (answer.subject, str(MODEL) in answer.summary) == ("data", True)


def test_why_of_a_path_outside_names_the_roots(
    world: World, explainer: Explainer, tmp_path: Path
) -> None:
    """The likeliest mistake is another folder."""
    answer = explainer.why("/etc/passwd")
    assert answer.subject == "outside the roots"
    assert str(world.root.path) in answer.summary


def test_why_tells_that_a_root_cannot_be_read(world: World, explainer: Explainer) -> None:
    """Before anything is said about a file in it."""
    world.scan(is_available=False, reason="not mounted")
    assert "not mounted" in explainer.why("models/x").summary


def test_why_tells_what_the_scan_stumbled_over(world: World, explainer: Explainer) -> None:
    """Such as a link that leads out."""
    world.scan(trouble={"link": "leads out of the root"})
    assert "leads out of the root" in explainer.why("models/link").summary


@pytest.mark.parametrize(
    ("sight", "action"),
    [
        (Sight.ADMITTED, Action.BUILD),
        (Sight.HELD, Action.WAIT),
        (Sight.REFUSED, Action.REFUSE),
    ],
)
def test_plan_tells_what_comes_next(
    world: World, explainer: Explainer, sight: Sight, action: Action
) -> None:
    """A queued model is still to be built."""
    world.see(sight=sight, reason="so")
    (entry,) = explainer.plan()
    assert (entry.model, entry.action) == (MODEL, action)


def test_status_is_ready_only_when_every_check_is(world: World) -> None:
    """One bad check is enough."""
    world.build()
    good, bad = HealthCheck(name="a", is_ok=True), HealthCheck(name="b", is_ok=False)
    status = status_of(world.engine, version="1", started_at=NOON, checks=(good,))
    assert status.is_ready
    assert status.models[0].phase is Phase.PUBLISHED
    assert status.roots[0].models[Phase.PUBLISHED] == 1
    assert not status_of(world.engine, version="1", started_at=NOON, checks=(good, bad)).is_ready
