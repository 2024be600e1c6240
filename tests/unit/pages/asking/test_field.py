"""What is typed into a field: read as the document has it, or refused with what is allowed."""

import pytest

from tflited.pages.asking.field import LONGEST_TABLE, names, number, shapes, table, truth, whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,224,224,3", [1, 224, 224, 3]),
        (" 4 ", [4]),
        ("x=1,4", {"x": [1, 4]}),
        ("x=1, 4\n\ny=2", {"x": [1, 4], "y": [2]}),
        ("a=b=3", {"a=b": [3]}),
        ("-1,4", [-1, 4]),
    ],
)
def test_shapes_are_a_list_or_a_table(text: str, expected: object) -> None:
    """One line for the only input, or one with its name for each; sizes are judged elsewhere."""
    assert shapes(text) == expected


@pytest.mark.parametrize("text", ["a", "1,,2", "1\n2", "x=1\nx=2", "x=1\n2", "1.5", "1,²"])
def test_what_is_no_shape_says_what_one_is(text: str) -> None:
    """The message shows both forms."""
    with pytest.raises(ValueError, match="NAME=1,4"):
        shapes(text)


@pytest.mark.parametrize("text", ["", "x", "1.5", "1e3", "²", "٣", "9" * 19, "--1"])
def test_what_is_no_whole_number(text: str) -> None:
    """Only what the document can carry is one."""
    with pytest.raises(ValueError, match="whole number"):
        whole(text)


@pytest.mark.parametrize("text", ["x", "nan", "inf", "0,5", ""])
def test_what_is_no_number(text: str) -> None:
    """The message shows the point."""
    with pytest.raises(ValueError, match=r"0\.5"):
        number(text)


def test_numbers_truths_and_names() -> None:
    """As the document has them."""
    assert (whole("-7"), number("1e-3"), truth("true"), truth("false")) == (-7, 0.001, True, False)
    assert names(" a, b ,,c ") == ["a", "b", "c"]
    with pytest.raises(ValueError, match="true or false"):
        truth("yes")


def test_other_keys_are_those_of_a_file() -> None:
    """Tables and dotted keys alike."""
    assert table('c_array.style = "tflm"\n[prune]\nsparsity = 0.5') == {
        "c_array": {"style": "tflm"},
        "prune": {"sparsity": 0.5},
    }


@pytest.mark.parametrize(
    "text",
    ["x", "x = 2026-01-02", "x = nan", "[" * 2000, "x = 1\nx = 2", "#" * (LONGEST_TABLE + 1)],
)
def test_other_keys_that_are_none(text: str) -> None:
    """No TOML, nothing that JSON has no form for, and nothing that costs the parser long."""
    with pytest.raises(ValueError, match=r"KEY = VALUE|at most"):
        table(text)
