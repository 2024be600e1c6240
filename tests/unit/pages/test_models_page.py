"""The list of models, in parts."""

from dataclasses import replace

from fakes.control import FakeControl
from tflited.domain.board import ModelList, ModelQuery
from tflited.domain.status import Phase
from tflited.pages.models_page import page

FOUND = replace(
    FakeControl().models(ModelQuery()), total=120, phases={Phase.BUILDING: 119, Phase.HELD: 1}
)


def test_a_part_leads_to_its_neighbours() -> None:
    """With the question kept, and the place in the whole."""
    query = ModelQuery(text="a&b", root="zoo", phases=(Phase.BUILDING,), offset=50)
    text = page(query, FOUND, ("zoo",))
    assert "51 to 51 of 120" in text
    assert "/models?q=a%26b&amp;root=zoo&amp;phase=building&amp;part=3" in text
    assert '/models?q=a%26b&amp;root=zoo&amp;phase=building"' in text


def test_states_narrow_the_list() -> None:
    """Those that are there, with their counts; the one that was asked for is marked."""
    text = page(ModelQuery(phases=(Phase.HELD,)), FOUND, ())
    assert "building <b>119</b>" in text
    assert "refused" not in text
    assert text.count('aria-current="true"') == 1


def test_several_states_are_one_choice() -> None:
    """As the tiles of the overview ask for them."""
    text = page(ModelQuery(phases=(Phase.REFUSED, Phase.FAILED)), FOUND, ())
    assert "refused or failed" in text


def test_nothing_found_says_so() -> None:
    """And what was typed stays in the form, as text."""
    text = page(ModelQuery(text='"><b>'), ModelList(models=(), total=0), ())
    assert "No model is like that." in text
    assert "<b>0" in text
    assert '"><b>"' not in text
