"""Lists as tables."""

from tflited.domain.job import JobState
from tflited.domain.report import VariantState
from tflited.domain.status import Phase
from tflited.pages import chips
from tflited.pages.elements import rendered
from tflited.pages.listing import Row, columns, listing, stacked


def test_columns_say_what_they_hold() -> None:
    """Figures stand at their ends, one column takes what room is left."""
    plain, number, wide = columns("model", "#size", "+why")
    assert (plain.name, plain.is_number, plain.is_wide) == ("model", False, False)
    assert (number.name, number.is_number) == ("size", True)
    assert (wide.name, wide.is_wide) == ("why", True)


def test_a_row_can_be_read_alone() -> None:
    """Each cell knows its column, for a screen that shows rows as cards; names stay text."""
    text = rendered(
        listing("Models", columns("model", "why"), [Row(key="k", cells=("<b>", "broken"))])
    )
    assert 'data-label="why"' in text
    assert 'data-key="k"' in text
    assert 'scope="row"' in text
    assert "&lt;b&gt;" in text


def test_what_is_empty_takes_no_line() -> None:
    """A cell of several lines leaves out those without text."""
    assert rendered(stacked("a", "", "b")).count("<div") == 3


def test_every_state_has_a_look() -> None:
    """A new one cannot be forgotten, and its word is always there."""
    for phase in Phase:
        assert phase.value.replace("_", " ") in rendered(chips.phase(phase))
    for state in JobState:
        assert state.value in rendered(chips.job(state))
    for outcome in VariantState:
        assert outcome.value in rendered(chips.variant(outcome))
