"""Names and literals that hostile model names cannot break out of."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.convert.c_source import c_names


@given(st.text())
def test_a_file_stem_is_always_safe(text: str) -> None:
    """Whatever the model is called, the stem is one plain visible file name."""
    stem = c_names.file_stem(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", stem)
    assert len(stem) <= 120


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("mobilenet_v2-1.0", "mobilenet_v2-1.0"),
        ("my model (final)", "my_model_final_"),
        ("../../etc/passwd", "etc_passwd"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("\n", "model"),
        ("", "model"),
    ],
)
def test_a_file_stem_stays_readable(name: str, stem: str) -> None:
    """Good names stay as they are; bad ones lose only what is bad."""
    assert c_names.file_stem(name) == stem


@given(st.text(), st.text())
def test_a_symbol_is_always_an_identifier(template: str, model: str) -> None:
    """No leading digit or underscore, no two underscores, no keyword, nothing but ASCII."""
    name = c_names.symbol(template + "{model}", model=model, variant="int8")
    assert re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name)


@pytest.mark.parametrize(
    ("template", "model", "expected"),
    [
        ("g_{model}_{variant}", "digits", "g_digits_int8"),
        ("{model}", "3d-net", "m3d_net"),
        ("{model}", "class", "class_model"),
        ("{model}", "__init__", "init"),
        ("{model.__class__}", "x", "model_class"),
        ("", "x", "model"),
    ],
)
def test_a_symbol_follows_its_template(template: str, model: str, expected: str) -> None:
    """The template is filled in as text; it is no format string."""
    assert c_names.symbol(template, model=model, variant="int8") == expected


@given(st.text())
def test_comment_text_cannot_leave_its_comment(text: str) -> None:
    """No end of comment, no newline, no line continuation, no trigraph, nothing invisible."""
    safe = c_names.comment_text(text)
    assert not any(bad in safe for bad in ("*/", "/*", "\n", "\r", "\\", "??"))
    assert safe.isascii()
    assert safe.isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_string_literal_reads_back(text: str) -> None:
    """The literal holds the text's UTF-8; Python reads these escapes as C does."""
    literal = c_names.string_literal(text)
    assert "??" not in literal
    assert literal.isascii()
    assert ast.literal_eval("b" + literal) == text.encode()


@pytest.mark.parametrize(
    ("value", "literal"),
    [(0.0, "0.0f"), (2.0, "2.0f"), (0.00392156885936856, "0.00392156886f"), (1e-9, "1e-09f")],
)
def test_a_float_literal_is_a_c_float(value: float, literal: str) -> None:
    """A constant without point or exponent would be an integer with a suffix it cannot have."""
    assert c_names.float_literal(value) == literal
