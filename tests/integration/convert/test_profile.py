"""What is counted and timed of real files."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

import zoo
from tflited.domain.model import ModelKind
from tflited.domain.policy import OperatorSet, ProfileRules, Variant
from tflited.domain.report import BuildReport

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
DIGITS_MACS = 8 * 8 * 16 * 9 + 4 * 4 * 32 * 9 * 16 + 128 * 48 + 48 * 10


def test_every_published_variant_is_counted_and_timed(build: Build) -> None:
    """Products are those of the model, whatever their type; int8 tensors need less memory."""
    trained = zoo.digits()
    variants = (Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.INT8, Variant.INT16X8)
    report = build(
        trained.model,
        calibration=trained.calibration,
        variants=variants,
        profile=ProfileRules(threads=1, runs=7),
    )
    memory = {}
    for entry in report.variants:
        assert entry.work is not None
        assert (entry.work.macs, entry.work.uncounted) == (DIGITS_MACS, ())
        assert entry.latency is not None
        assert (entry.latency.runs, entry.latency.threads) == (7, 1)
        assert entry.latency.median_ms is not None
        assert entry.latency.p90_ms is not None
        assert 0.0 < entry.latency.median_ms <= entry.latency.p90_ms
        memory[entry.variant] = entry.work.activation_bytes
    assert memory[Variant.FLOAT32] == 4 * (8 * 8 * 16 + 4 * 4 * 16)
    assert memory[Variant.INT8] == 8 * 8 * 16 + 4 * 4 * 16


def test_a_fused_lstm_is_counted(build: Build) -> None:
    """Four gates, each with the input's and the state's product, at every step of the window."""
    kind = ModelKind.KERAS_HDF5
    (entry,) = build(zoo.small("keras_2.h5"), kind, variants=(Variant.FLOAT32,)).variants
    assert entry.operators["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    assert entry.work is not None
    depthwise, dense = 6 * 6 * 3 * 9, 8 * 2
    assert entry.work.macs == depthwise + 6 * 4 * 8 * (18 + 8) + dense
    assert entry.work.uncounted == ()


def test_select_operators_are_not_timed(build: Build, save_model: SaveModel) -> None:
    """No interpreter here runs them, and the reason says so."""
    spec = tf.TensorSpec([1, 4, 4], tf.float32)
    model = save_model(lambda x: {"y": tf.linalg.cholesky(x)}, x=spec)
    (entry,) = build(
        model,
        variants=(Variant.FLOAT32,),
        ops=(OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS),
    ).variants
    assert entry.latency is not None
    assert (entry.latency.runs, entry.latency.median_ms) == (0, None)
    assert "FlexCholesky" in entry.latency.reason
    assert entry.work is not None
    assert entry.work.uncounted == ("FlexCholesky",)


def test_the_profile_can_be_switched_off(build: Build) -> None:
    """What is counted costs nothing and stays."""
    (entry,) = build(
        zoo.digits().model, variants=(Variant.FLOAT32,), profile=ProfileRules(enabled=False)
    ).variants
    assert entry.latency is None
    assert entry.work is not None
