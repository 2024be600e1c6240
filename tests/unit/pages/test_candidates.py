"""How ``auto`` chose: a row for each candidate, and where they are drawn."""

from dataclasses import replace

from fakes.documents import a_document
from tflited.domain.choice import AutoLayer, AutoReport, AutoRow, BudgetKind, RowState
from tflited.domain.policy import Metric, Target, Variant
from tflited.domain.report import ReportDocument
from tflited.pages import candidates
from tflited.pages.elements import element, rendered
from tflited.pages.report_page import page

CHOSEN = AutoRow(
    variant=Variant.INT8_FLOAT_FALLBACK,
    state=RowState.CHOSEN,
    reason="the smallest inside the budget",
    size_bytes=400,
    size_ratio=0.4,
    drop=0.004,
    drop_low=-0.002,
    drop_high=0.009,
    min_snr_db=31.0,
    float_layers=("a", "b", "c"),
)
REFUSED = replace(
    CHOSEN,
    variant=Variant.INT8,
    state=RowState.REFUSED,
    reason="outside",
    drop=0.8,
    float_layers=(),
)
SKIPPED = AutoRow(variant=Variant.INT16X8, state=RowState.SKIPPED, reason="no data")
BASELINE = replace(CHOSEN, variant=Variant.FLOAT32, size_ratio=1.0, drop=0.0, float_layers=())


def an_auto(*rows: AutoRow, by: BudgetKind = BudgetKind.ACCURACY) -> AutoReport:
    layer = AutoLayer(name="block/conv", operator="CONV_2D", snr_db=4.5, is_float=True)
    return AutoReport(
        target=Target.CPU,
        decided_by=by,
        budget="top1 drops by at most 0.01",
        chosen=Variant.INT8_FLOAT_FALLBACK,
        metric=Metric.TOP1 if by is BudgetKind.ACCURACY else None,
        rows=rows,
        trials=13,
        layers=(layer,),
    )


def drawn(document: ReportDocument) -> str:
    return rendered(element("main", *candidates.section(document)))


def test_every_candidate_has_its_reason() -> None:
    """Refused and skipped ones too; a figure that was not measured is not made up."""
    auto = an_auto(CHOSEN, REFUSED, SKIPPED)
    rows = [candidates.cells(row, auto) for row in auto.rows]
    assert all(len(cells) == len(candidates.COLUMNS) for cells in rows)
    assert [cells[-1] for cells in rows] == [row.reason for row in auto.rows]
    assert rows[0][0] == "int8_float_fallback, 3 layers in float"
    assert rows[0][5] == "top1 0.004 (-0.002 to 0.009)"
    assert set(rows[2][2:6]) == {"\u2013"}


def test_the_sentence_says_what_was_chosen_and_what_it_took() -> None:
    """And where nothing is left, that."""
    auto = an_auto(CHOSEN)
    expected = "Chosen: int8_float_fallback after 13 trials of layers in float, for cpu."
    assert candidates.sentence(auto).endswith(expected)
    unsure = an_auto(replace(CHOSEN, state=RowState.INCONCLUSIVE))
    assert "None is proven, published unverified: int8" in candidates.sentence(unsure)
    assert "No candidate is left" in candidates.sentence(replace(auto, chosen=None))


def test_the_page_has_the_candidates_the_layers_and_the_picture() -> None:
    """What was chosen is a circle, what was refused a cross; skipped ones have no point."""
    text = page(a_document(auto=an_auto(CHOSEN, REFUSED, SKIPPED)))
    assert "How auto chose" in text
    assert "block/conv" in text
    section = drawn(a_document(auto=an_auto(CHOSEN, REFUSED, SKIPPED)))
    assert section.count("<circle") == 1
    assert section.count('class="mark rejected"') == 2  # its interval and its cross
    assert "budget 0.01" in section


def test_the_line_joins_those_that_none_beats() -> None:
    """Smaller, or nearer: both are on it; what is as large and farther off is not."""
    assert 'class="front"' in drawn(a_document(auto=an_auto(CHOSEN, BASELINE)))
    assert 'class="front"' not in drawn(a_document(auto=an_auto(CHOSEN, REFUSED)))


def test_without_labels_closeness_is_drawn() -> None:
    """With the budget of fidelity, and upwards is better."""
    near = replace(BASELINE, min_snr_db=140.0)
    section = drawn(a_document(auto=an_auto(CHOSEN, near, by=BudgetKind.FIDELITY)))
    assert "its closeness" in section
    assert "budget 20" in section
    assert 'class="front"' in section


def test_without_auto_there_is_no_section() -> None:
    """Nor a picture where nothing could be measured."""
    assert candidates.section(a_document()) == ()
    assert candidates.picture(a_document(), an_auto(SKIPPED)) is None
