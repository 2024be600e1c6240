"""What a variant saves and costs, as pictures: which variants are in them, and where."""

from dataclasses import replace

from fakes.documents import a_document, published
from fakes.samples import a_variant
from tflited.domain.policy import Variant
from tflited.domain.report import ReportDocument, VariantState
from tflited.pages.elements import rendered
from tflited.pages.summary import summaries
from tflited.pages.trade_offs import accuracy, closeness, sizes


def closeness_of(document: ReportDocument) -> str:
    drawn = closeness(document, summaries(document))
    assert drawn is not None
    return rendered(drawn)


def test_a_variant_that_was_never_made_has_no_bar() -> None:
    """And is still named."""
    missing = replace(a_variant(Variant.INT8, VariantState.REJECTED), size_ratio=None)
    text = rendered(sizes(summaries(a_document(missing))))
    assert "<rect" not in text
    assert "int8 (rejected)" in text
    assert "no file" in text


def test_the_front_is_a_line_of_published_variants() -> None:
    """One point alone has none."""
    both = a_document(published(Variant.FLOAT32, 1.0, 99.0), published(Variant.INT8, 0.3, 40.0))
    assert 'class="front"' in closeness_of(both)
    assert 'class="front"' not in closeness_of(a_document(published(Variant.INT8, 0.3, 40.0)))


def test_the_budget_is_drawn_where_there_is_one() -> None:
    """With its value."""
    assert "budget 20 dB" in closeness_of(a_document())
    assert "budget" not in closeness_of(a_document(policy={}))


def test_rejected_variants_are_in_the_picture() -> None:
    """With a cross: they show what the budget kept out."""
    refused = published(Variant.INT8, 0.3, 5.0, state=VariantState.REJECTED)
    assert 'class="mark rejected"' in closeness_of(a_document(refused))


def test_without_a_comparison_there_is_no_picture() -> None:
    """A point at zero would be a claim."""
    document = a_document(replace(a_variant(), fidelity=(), accuracy=None))
    assert closeness(document, summaries(document)) is None
    assert accuracy(document, summaries(document)) is None


def test_a_drop_has_its_interval_drawn() -> None:
    """An upright line, and the ends in the table."""
    document = a_document(published(Variant.INT8, 0.3, 40.0))
    drawn = accuracy(document, summaries(document))
    assert drawn is not None
    text = rendered(drawn)
    assert "<line x1=" in text
    assert 'class="mark proven"' in text
    assert '>0.001</td><td class="short">0.0095</td>' in text
    assert "budget 0.01" in text
