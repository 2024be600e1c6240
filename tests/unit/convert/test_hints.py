"""Which code and hint a failure of TensorFlow gets."""

from dataclasses import dataclass, field

import pytest

from tflited.convert import hints


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
    assert hints.explain(error, subject="Lowering").code == code


def test_a_hint_names_the_operator() -> None:
    """The reader learns which operator to look at, once each."""
    explained = hints.explain(failure(1, "tf.Cholesky", "tf.Cholesky"), subject="Lowering")
    assert "tf.Cholesky:" in explained.hint
    assert "SELECT_TF_OPS" in explained.hint


def test_a_blamed_constant_is_not_named() -> None:
    """The converter blames constants for what consumes them; that helps nobody."""
    assert hints.operators(failure(0, "tf.Const", "tf.Erf")) == ("tf.Erf",)


def test_tensor_lists_are_told_by_their_operator() -> None:
    """The converter gives no error code for them, so the operator's name decides."""
    explained = hints.explain(failure(0, "tf.TensorListReserve"), subject="Lowering")
    assert explained.code == hints.TENSOR_LIST.code


def test_an_operator_in_the_message_is_found() -> None:
    """Without structured errors the operator is read from the message."""
    error = ValueError("error: 'tf.Erfinv' op is neither a custom op nor a flex op")
    assert hints.operators(error) == ("tf.Erfinv",)


@pytest.mark.parametrize("known", hints.HINTS, ids=lambda hint: hint.code)
def test_every_fragment_leads_to_its_own_hint(known: hints.Hint) -> None:
    """No entry of the table is hidden by an earlier one."""
    for fragment in known.fragments:
        assert hints.explain(ValueError(fragment), subject="x").code == known.code


def test_codes_are_unique() -> None:
    """One code, one failure."""
    codes = [hint.code for hint in hints.HINTS]
    assert len(codes) == len(set(codes))


def test_an_unknown_failure_still_has_a_next_step() -> None:
    """Never a shrug."""
    explained = hints.explain(ValueError("never seen"), subject="Loading x")
    assert explained.code == "conversion"
    assert explained.hint
    assert explained.message == "Loading x: never seen"


def test_the_message_is_one_short_line() -> None:
    """MLIR's page of locations is no message."""
    error = ValueError("\n\n" + "a" * 5000 + "\nsecond line")
    message = hints.explain(error, subject="x").message
    assert "second" not in message
    assert len(message) < 500


def test_mlir_locations_are_cut() -> None:
    """The sentence after the call stack is what a reader needs."""
    location = 'loc(callsite(fused["A:", "b@c"] at fused["D:", "e"]))'
    error = ValueError(f"<unknown>:0: error: {location}: 'tf.X' op requires y\n<unknown>:0: note")
    assert hints.explain(error, subject="Lowering").message == "Lowering: 'tf.X' op requires y"


def test_the_scratch_directory_is_not_shown() -> None:
    """A private path means nothing to the reader."""
    error = OSError("no such file: /run/tflited/7.1/exported")
    message = hints.explain(error, subject="x", scratch="/run/tflited/7.1").message
    assert "/run/tflited" not in message


AUTOGRAPH = """in user code:

    File "m.py", line 3, in call  *
        f(x)
    NameError: name 'f' is not defined
"""
KERAS = """Exception encountered when calling Lambda.call().

\x1b[1mno name\x1b[0m

Arguments received by Lambda.call():
"""
CONFIGURATION = """Error when deserializing class 'Dense' using config={'name': 'dense'}.

Exception encountered: Unknown activation function: 'own'. Please ensure you are using a \
`keras.utils.custom_object_scope` and that this object is included in the scope.
"""


def test_a_function_of_its_own_is_named() -> None:
    """Behind the whole configuration of the layer that uses it."""
    explained = hints.explain(ValueError(CONFIGURATION), subject="Loading")
    assert explained.code == "custom_objects"
    assert explained.message.startswith("Loading: Unknown activation function: 'own'.")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [(AUTOGRAPH, "NameError: name 'f' is not defined"), (KERAS, "no name")],
)
def test_the_frame_around_a_sentence_is_left_out(message: str, sentence: str) -> None:
    """AutoGraph and Keras begin with lines that say nothing."""
    assert hints.explain(ValueError(message), subject="Loading").message == f"Loading: {sentence}"
