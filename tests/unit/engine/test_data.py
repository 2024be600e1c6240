"""Data is found once a look, settles, and is digested once."""

from fakes.engine import DATA, SETTLE_SECONDS, World, a_data_file, with_calibration
from tflited.domain.policy import Evaluation, Policy


def test_a_policy_without_data_is_settled_at_once(world: World) -> None:
    """There is nothing to wait for."""
    view = world.data.view(Policy())
    assert view.digest is not None
    assert view.calibration == ()
    assert world.data.next_due() is None


def test_data_is_used_once_it_was_quiet(world: World) -> None:
    """Seen now, used after the settling time."""
    world.sources.data = {DATA: (a_data_file(),)}
    assert world.data.view(with_calibration()).waits_for == DATA
    assert world.data.next_due() == SETTLE_SECONDS
    world.clock.advance(SETTLE_SECONDS)
    view = world.data.view(with_calibration())
    assert view.digest is not None
    assert [path.name for path in view.calibration] == ["a.npz"]
    assert world.data.next_due() is None


def test_a_change_while_settling_starts_the_wait_anew(world: World) -> None:
    """A copy that grows is never used half."""
    world.sources.data = {DATA: (a_data_file(size=1),)}
    world.data.view(with_calibration())
    world.clock.advance(SETTLE_SECONDS)
    world.sources.data = {DATA: (a_data_file(size=2),)}
    assert world.data.view(with_calibration()).digest is None
    assert world.data.next_due() == 2 * SETTLE_SECONDS


def test_settled_data_is_looked_at_again_only_after_refresh(world: World) -> None:
    """One walk for each scan, not one for each model."""
    world.sources.data = {DATA: (a_data_file(size=1),)}
    world.data.view(with_calibration())
    world.clock.advance(SETTLE_SECONDS)
    before = world.data.view(with_calibration())
    world.sources.data = {DATA: (a_data_file(size=2),)}
    assert world.data.view(with_calibration()) == before
    world.data.refresh()
    assert world.data.view(with_calibration()).digest is None


def test_no_files_are_an_answer(world: World) -> None:
    """A pattern without a match does not settle for ever; the child says what is missing."""
    assert world.data.view(with_calibration()).digest is not None


def test_evaluation_data_is_part_of_the_digest(world: World) -> None:
    """It decides what passes the proof."""
    world.sources.data = {DATA: (a_data_file(),)}
    policy = Policy(evaluation=Evaluation(data=DATA))
    world.data.view(policy)
    world.clock.advance(SETTLE_SECONDS)
    view = world.data.view(policy)
    assert [path.name for path in view.evaluation] == ["a.npz"]
    assert view.digest != world.data.view(Policy()).digest


def test_a_module_is_data_of_its_own(world: World) -> None:
    """It settles, counts in the digest, and has a digest by which its copy is checked."""
    module = "/models/v[2]/layers.py"
    policy = Policy(custom_objects=module)
    world.sources.data = {"/models/v[[]2]/layers.py": (a_data_file(size=1),)}
    assert world.data.view(policy).digest is None
    world.clock.advance(SETTLE_SECONDS)
    before = world.data.view(policy)
    assert [path.name for path in before.custom_objects] == ["a.npz"]
    assert before.custom_objects_digest is not None
    assert before.digest != world.data.view(Policy()).digest
    world.sources.data = {"/models/v[[]2]/layers.py": (a_data_file(size=2),)}
    world.data.refresh()
    world.data.view(policy)
    world.clock.advance(SETTLE_SECONDS)
    assert world.data.view(policy).digest != before.digest


def test_a_module_that_is_not_there_is_an_answer(world: World) -> None:
    """The child says what is missing; a file that comes later is a change."""
    view = world.data.view(Policy(custom_objects="/models/layers.py"))
    assert view.digest is not None
    assert view.custom_objects == ()
