"""Which code and hint a failure of TensorFlow gets."""

from dataclasses import dataclass, field

import pytest

from tflited.convert.faults import hints
from tflited.convert.faults.explain import explain, operators, source_line


@dataclass
class Operator:
    """Stands for the converter's protobuf."""

    name: str


@dataclass
class Entry:
    """Stands for one entry of ``ConverterError.errors``."""

    error_code: int
    operator: Operator


@dataclass
class FakeConverterError(Exception):
    """Has the attribute that tells a converter error from any other."""

    message: str
    errors: list[Entry] = field(default_factory=list)

    def __str__(self) -> str:
        return self.message


def failure(code: int, *names: str, message: str = "boom") -> FakeConverterError:
    return FakeConverterError(message, [Entry(code, Operator(name)) for name in names])


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (1, "needs_select_ops"),
        (2, "needs_custom_ops"),
        (3, "control_flow_v1"),
        (4, "stateful_call"),
    ],
)
def test_the_converters_error_code_decides(number: int, code: str) -> None:
    """An error code wins over whatever the message says."""
    error = failure(number, "tf.Cholesky", message="a representative_dataset must be specified")
    assert explain(error, subject="Lowering").code == code


def test_a_hint_names_the_operator() -> None:
    """The reader learns which operator to look at, once each."""
    explained = explain(failure(1, "tf.Cholesky", "tf.Cholesky"), subject="Lowering")
    assert "tf.Cholesky:" in explained.hint
    assert "SELECT_TF_OPS" in explained.hint


def test_a_blamed_constant_is_not_named() -> None:
    """The converter blames constants for what consumes them; that helps nobody."""
    assert operators(failure(0, "tf.Const", "tf.Erf")) == ("tf.Erf",)


def test_tensor_lists_are_told_by_their_operator() -> None:
    """The converter gives no error code for them, so the operator's name decides."""
    explained = explain(failure(0, "tf.TensorListReserve"), subject="Lowering")
    assert explained.code == hints.TENSOR_LIST.code


def test_an_operator_in_the_message_is_found() -> None:
    """Without structured errors the operator is read from the message."""
    error = ValueError("error: 'tf.Erfinv' op is neither a custom op nor a flex op")
    assert operators(error) == ("tf.Erfinv",)


def test_an_unknown_failure_still_has_a_next_step() -> None:
    """Never a shrug."""
    explained = explain(ValueError("never seen"), subject="Loading x")
    assert explained.code == "conversion"
    assert explained.hint
    assert explained.message == "Loading x: never seen"


def test_the_message_is_one_short_line() -> None:
    """MLIR's page of locations is no message."""
    error = ValueError("\n\n" + "a" * 5000 + "\nsecond line")
    message = explain(error, subject="x").message
    assert "second" not in message
    assert len(message) < 500


def test_mlir_locations_are_cut() -> None:
    """The sentence after the call stack is what a reader needs."""
    location = 'loc(callsite(fused["A:", "b@c"] at fused["D:", "e"]))'
    error = ValueError(f"<unknown>:0: error: {location}: 'tf.X' op requires y\n<unknown>:0: note")
    assert explain(error, subject="Lowering").message == "Lowering: 'tf.X' op requires y"


def test_the_scratch_directory_is_not_shown() -> None:
    """A private path means nothing to the reader."""
    error = OSError("no such file: /run/tflited/7.1/exported")
    message = explain(error, subject="x", scratch="/run/tflited/7.1").message
    assert "/run/tflited" not in message


@dataclass
class Place:
    """Stands for a file and a line."""

    filename: str = ""
    line: int = 0


@dataclass
class Call:
    """Stands for one frame of a location."""

    source: Place
    name: str = ""


@dataclass
class Location:
    """Stands for where an operator was made: stacks of calls, the outermost first."""

    call: list[Call]


@dataclass
class PlacedEntry(Entry):
    """An error that knows its place."""

    location: Location


def placed(*stacks: tuple[tuple[str, int], ...]) -> FakeConverterError:
    """A failure with the stack of its operator, and those of the calls around it."""
    calls = [
        Call(Place(*frame), "" if number else "Cholesky@f")
        for stack in stacks
        for number, frame in enumerate(stack)
    ]
    return FakeConverterError("boom", [PlacedEntry(1, Operator("tf.Cholesky"), Location(calls))])


def test_the_innermost_own_frame_is_the_place() -> None:
    """What the libraries did around the model's line helps nobody, nor does the program's start."""
    site = "/venv/lib/python3.11/site-packages"
    operator = (
        ("<frozen runpy>", 198),
        ("/srv/me/train.py", 80),
        ("/srv/me/model.py", 12),
        (f"{site}/keras/src/layers/layer.py", 3),
        (f"{site}/tensorflow/python/ops/linalg_ops.py", 9),
    )
    error = placed(operator, (("/srv/me/export.py", 5),))
    assert source_line(error) == "/srv/me/model.py:12"
    assert explain(error, subject="Lowering").message == "Lowering: boom (at /srv/me/model.py:12)"


def test_an_operator_of_a_library_is_placed_by_its_caller() -> None:
    """The next stack outwards is the nearest that is the model's own."""
    error = placed((("/x/site-packages/keras/a.py", 1),), (("/srv/me/export.py", 5),))
    assert source_line(error) == "/srv/me/export.py:5"


def test_without_own_frames_there_is_no_place() -> None:
    """A place inside TensorFlow is none."""
    assert source_line(placed((("/x/site-packages/tensorflow/a.py", 1), ("", 0)))) == ""
    assert source_line(ValueError("boom")) == ""


AUTOGRAPH = """in user code:

    File "/venv/site-packages/keras/src/trainer.py", line 3, in run  *
        return model(x)
    File "/srv/me/model.py", line 31, in boom  *
        def boom(x): return tf.reshape(x, [3])

    ValueError: Cannot reshape a tensor
"""
MLIR = """Could not translate MLIR./srv/me/model.py:28:1: error: 'tf.Lu' op is no flex op
lambda x: tf.linalg.lu(x)
^
"""
LAYER = """Exception encountered when calling Bad.call().

\x1b[1mno second trace\x1b[0m

Arguments received by Bad.call():
  • x=tf.Tensor(shape=(None, 8), dtype=float32)"""
KERAS = """Error when deserializing class 'DepthwiseConv2D' using config={'name': 'x', 'groups': 1}.

Exception encountered: Unrecognized keyword arguments: {'groups': 1}"""
HEAD = "Error when deserializing class 'DepthwiseConv2D'"
CLASS = "<class 'Sequential'> could not be deserialized"
CUSTOM = """<class 'Sequential'> could not be deserialized properly. Please ensure that components.

config={'module': 'keras'}

Exception encountered: Could not locate class 'My'. Register it. Full object config: {}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AUTOGRAPH, "ValueError: Cannot reshape a tensor (at /srv/me/model.py:31)"),
        (MLIR, "'tf.Lu' op is no flex op"),
        (KERAS, f"{HEAD}: Unrecognized keyword arguments: {{'groups': 1}}"),
        (LAYER, "Bad.call(): no second trace"),
        (CUSTOM, f"{CLASS} properly: Could not locate class 'My'. Register it."),
        ("", "ValueError without a message"),
        ("\x1b[2Jgone\x07", "\ufffd[2Jgone\ufffd"),
    ],
    ids=["autograph", "mlir", "keras", "layer", "custom", "empty", "control"],
)
def test_the_telling_sentence_is_kept(text: str, message: str) -> None:
    """Of a page of traceback, configuration or MLIR the reader gets the line that says it."""
    assert explain(ValueError(text), subject="x").message == f"x: {message}"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("abc"), "KeyError: 'abc'"),
        (AssertionError(), "AssertionError without a message"),
        (AttributeError("'X' object has no attribute 'y'"), "AttributeError: 'X' object has no"),
    ],
)
def test_a_word_alone_is_told_with_its_kind(error: Exception, message: str) -> None:
    """The text of a KeyError is a key and nothing else."""
    assert explain(error, subject="x").message.startswith(f"x: {message}")


def test_python_in_a_graph_is_told_as_such() -> None:
    """The converter calls it a custom operator, which sends the reader the wrong way."""
    explained = explain(failure(2, "tf.PyFunc"), subject="x")
    assert explained.code == "python_function"
    assert "py_function" in explained.hint


def test_a_long_list_of_operators_is_cut() -> None:
    """A hint stays readable."""
    names = [f"tf.Op{number}" for number in range(50)]
    assert "tf.Op8" not in explain(failure(1, *names), subject="x").hint


def test_the_scratch_is_hidden_wherever_it_stands() -> None:
    """Also in a place."""
    error = placed((("/run/7.1/exported/model.py", 3),))
    error.message = "in /run/7.1/exported"
    message = explain(error, subject="x", scratch="/run/7.1").message
    assert message == "x: in (private copy)/exported (at (private copy)/exported/model.py:3)"
