"""The page of the form: what was typed is kept as it was, and hostile texts stay texts."""

import re
from html import unescape

from tflited.pages.asking.fields import POLICY
from tflited.pages.asking.page import Form, page

HOSTILE = "</textarea><script>alert(1)</script>\"'&\n\tx"


def test_an_empty_form_closes_what_is_asked_for_seldom() -> None:
    """Every group but the first three is folded; usual values stand in their fields."""
    text = page(Form(may_write=True, nonce="n", policies=("mobile",), models=("zoo/net",)))
    assert "<details open" not in text
    assert '<option value="5" selected="">5</option>' in text
    assert '<option value="mobile">mobile</option>' in text
    assert '<option value="zoo/net">' in text
    assert 'name="form" value="n"' in text


def test_what_was_typed_is_kept() -> None:
    """In lines, areas with their line ends, lists and ticks; its group is open."""
    typed = {
        "model.path": [HOSTILE],
        "model.input_shape": [HOSTILE],
        "policy.name": ["gone"],
        f"{POLICY}.variants": ["int8"],
        f"{POLICY}.prune.encoding": ["sparse"],
    }
    text = page(Form(typed=typed, may_write=True))
    (area,) = re.findall(
        r'<textarea[^>]*id="model-input-shape"[^>]*>(.*?)</textarea>', text, re.DOTALL
    )

    assert unescape(area) == HOSTILE
    assert "<script>alert" not in text
    assert 'value="gone" selected' in text
    assert re.search(r'value="int8" checked', text)
    assert 'value="sparse" selected' in text
    assert text.count("<details open") == 1


def test_a_problem_is_told_twice_and_tied_to_its_field() -> None:
    """At the top with a way to the field, and at the field for readers of both kinds."""
    key = f"{POLICY}.prune.sparsity"
    text = page(Form(typed={key: ["2"]}, problems={key: "observed <2>"}, may_write=True))
    field = "policy-override-prune-sparsity"

    assert f'<a href="#{field}">Sparsity</a>: observed &lt;2&gt;' in text
    assert f'id="{field}-problem"' in text
    assert f'aria-describedby="{field}-help {field}-problem" aria-invalid="true"' in text
    assert "<title>Error: Convert now" in text


def test_who_may_only_read_is_told_what_to_do() -> None:
    """Without a button that would be refused."""
    reading = page(Form(can_begin=True))
    assert 'href="/session?next=/convert"' in reading
    assert 'id="convert"' not in reading
    assert "[[http.token]]" in page(Form())


def test_a_shown_document_has_no_id() -> None:
    """Sent again it asks anew."""
    document = {"version": 1, "id": "form-1", "model": {"path": "a b"}}
    text = unescape(page(Form(shown=document)))
    assert "form-1" not in text
    assert '"path": "a b"' in text
    assert "tflited trigger 'a b'" in text
