"""Real models calibrated and judged on images, sound and records; and data that cannot be used."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import data_files
import zoo
from tflited.convert.entry import run
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import Check, CheckResult
from tflited.domain.model import ModelKind
from tflited.domain.policy import Calibration, Evaluation, Metric, Policy, Variant
from tflited.domain.preprocess import Preprocess, RawType
from tflited.domain.report import BuildReport, VariantReport, VariantState

BuildOn = Callable[..., BuildReport]
VARIANTS = (Variant.FLOAT32, Variant.FLOAT16, Variant.INT8)
GREYS = 15
"""The digits have 17 greys; as bytes they are multiples of this."""
AS_TRAINED = Preprocess(scale=1 / (16 * GREYS))
PITCHES = (300, 500, 800, 1300)
RATE = 8000
LENGTH = 400


@pytest.fixture
def build_on(scratch: Path) -> BuildOn:
    """Builds a model on lists of files."""
    numbers = itertools.count()

    def built(
        model: Path,
        calibrating: Sequence[Path],
        judging: Sequence[Path] = (),
        *,
        rules: Preprocess,
        **policy: Any,
    ) -> BuildReport:
        place = scratch / str(next(numbers))
        place.mkdir()
        metric = Metric.TOP1 if judging else None
        policy.setdefault("calibration", Calibration(data="/data/*", samples=100))
        policy.setdefault(
            "evaluation",
            Evaluation(data="/data/*" if judging else None, metric=metric, max_drop=0.05),
        )
        policy.setdefault("variants", VARIANTS)
        request = AttemptRequest(
            attempt="1.1",
            kind=ModelKind.KERAS if model.suffix else ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(place),
            policy=Policy(preprocess=rules, **policy),
            calibration=tuple(sorted(map(str, calibrating))),
            evaluation=tuple(sorted(map(str, judging))),
            threads=2,
        )
        return run(request, lambda _stage, _detail: None)

    return built


def only(report: BuildReport, variant: Variant) -> VariantReport:
    return next(entry for entry in report.variants if entry.variant is variant)


def check(entry: VariantReport, name: str) -> Check:
    return next(found for found in entry.checks if found.name == name)


def digits() -> Iterator[tuple[str, int, Any, int]]:
    """Set, number, bytes ``[8, 8, 1]`` and label of every digit that was not trained on."""
    trained = zoo.digits()
    for name, file in (("calibration", trained.calibration), ("evaluation", trained.evaluation)):
        with np.load(file) as arrays:
            pixels = np.rint(arrays["x"] * 16 * GREYS).astype(np.uint8)
            labels = arrays["y"] if "y" in arrays else np.zeros(len(pixels), int)
        for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
            yield name, number, image, int(label)


def proven_like_arrays(report: BuildReport) -> None:
    """Every variant is proven, on the very accuracy that the source has on the arrays."""
    for variant in VARIANTS:
        entry = only(report, variant)
        assert entry.state is VariantState.PROVEN, (variant, entry.reason)
        assert entry.accuracy is not None
        assert entry.accuracy.samples == 397
        assert (entry.accuracy.source or 0.0) > 0.95
    assert (only(report, Variant.INT8).size_ratio or 1.0) < 0.5
    assert report.source.reference_inputs == "evaluation"


def test_an_image_folder_calibrates_and_its_class_folders_judge(
    tmp_path: Path, build_on: BuildOn
) -> None:
    """Digits as PNG files: int8 is proven, and the report tells which folder is which class."""
    files: dict[str, list[Path]] = {"calibration": [], "evaluation": []}
    for name, number, image, label in digits():
        folder = f"digit-{label}" if name == "evaluation" else ""
        file = tmp_path / name / folder / f"{number:03}.png"
        files[name].append(data_files.png(file, image))
    report = build_on(zoo.digits().model, *files.values(), rules=AS_TRAINED)
    proven_like_arrays(report)
    (note,) = [note for note in report.source.notes if "Class folders" in note]
    assert "0 = digit-0, 1 = digit-1, 2 = digit-2" in note
    assert any("evaluation inputs: image from 0 to 1;" in note for note in report.source.notes)


def test_records_calibrate_and_judge(tmp_path: Path, build_on: BuildOn) -> None:
    """Digits as raw bytes with their labels, in one TFRecord file for each set."""
    rows: dict[str, list[dict[str, Any]]] = {"calibration": [], "evaluation": []}
    for name, _, image, label in digits():
        rows[name].append({"pixels": image.tobytes(), "digit": label})
    files = [
        [data_files.records(tmp_path / f"{name}.tfrecord", examples)]
        for name, examples in rows.items()
    ]
    rules = Preprocess(
        scale=AS_TRAINED.scale,
        features={"image": "pixels"},
        label_feature="digit",
        raw_type=RawType.UINT8,
    )
    proven_like_arrays(build_on(zoo.digits().model, *files, rules=rules))


def test_bare_arrays_calibrate(tmp_path: Path, build_on: BuildOn) -> None:
    """The arrays of the digits as ``.npy``, without labels."""
    with np.load(zoo.digits().calibration) as arrays:
        np.save(tmp_path / "a.npy", arrays["x"])
    report = build_on(zoo.digits().model, [tmp_path / "a.npy"], rules=Preprocess())
    assert only(report, Variant.INT8).state is VariantState.PROVEN
    assert report.source.reference_inputs == "calibration"


def tone(pitch: int, generator: np.random.Generator, rate: int = RATE) -> Any:
    """A short tone of a pitch with any phase and loudness, in noise."""
    count = LENGTH * rate // RATE
    phase, loudness = generator.uniform(0, 2 * np.pi), generator.uniform(0.3, 0.9)
    wave = loudness * np.sin(2 * np.pi * pitch * np.arange(count) / rate + phase)
    return np.clip(wave + generator.normal(0, 0.02, count), -1, 1)


@pytest.fixture(scope="module")
def pitches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that tells four pitches apart, trained here.

    No package that is at hand ships recordings with labels; these are tones in real WAV files.
    """
    keras.utils.set_random_seed(5)
    generator = np.random.default_rng(5)
    labels = np.arange(1600) % len(PITCHES)
    sounds = np.stack([tone(PITCHES[label], generator) for label in labels]).astype(np.float32)
    model = keras.Sequential(
        [
            keras.layers.Input((LENGTH, 1), name="sound"),
            keras.layers.Conv1D(16, 40, strides=4, activation="relu"),
            keras.layers.MaxPooling1D(4),
            keras.layers.Conv1D(16, 4, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(PITCHES), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(sounds[..., np.newaxis], labels, epochs=12, batch_size=32, verbose=0)
    file = tmp_path_factory.mktemp("pitches") / "pitches.keras"
    model.save(file)
    return file


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
def test_a_sound_folder_calibrates_and_its_class_folders_judge(
    tmp_path: Path, build_on: BuildOn, pitches: Path, rate: int
) -> None:
    """Tones as WAV files, of the model's rate and of another one that is converted."""
    generator = np.random.default_rng(6)
    files: dict[str, list[Path]] = {"calibration": [], "evaluation": []}
    for name, count in (("calibration", 40), ("evaluation", 160)):
        for number in range(count):
            pitch = PITCHES[number % len(PITCHES)]
            file = tmp_path / name / f"{pitch:04}-hz" / f"{number}.wav"
            files[name].append(data_files.wav(file, tone(pitch, generator, rate), rate=rate))
    rules = Preprocess(sample_rate=RATE, resample=rate != RATE)
    report = build_on(pitches, *files.values(), rules=rules)
    entry = only(report, Variant.INT8)
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.accuracy is not None
    assert (entry.accuracy.source or 0.0) > 0.95
    assert entry.accuracy.samples == 160


def bad_images(folder: Path) -> list[Path]:
    (folder / "a.jpg").write_text("no image")
    return [folder / "a.jpg"]


def bad_sound(folder: Path) -> list[Path]:
    return [data_files.wav(folder / "a.wav", np.zeros(100))]


def bad_array(folder: Path) -> list[Path]:
    np.save(folder / "a.npy", np.full((5, 8, 8, 1), np.nan, "f4"))
    return [folder / "a.npy"]


def bad_record(folder: Path) -> list[Path]:
    return [data_files.records(folder / "a.tfrecord", [{"image": [1.0, 2.0]}])]


def bad_mixture(folder: Path) -> list[Path]:
    return [data_files.png(folder / "a.png", np.zeros((8, 8, 1))), *bad_sound(folder)]


def no_file(_: Path) -> list[Path]:
    return []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (bad_images, "a.jpg: is no JPEG, PNG or BMP image"),
        (bad_sound, "input 'image' has shape [-1, 8, 8, 1]; allowed: [n, length]"),
        (bad_array, "a.npy: 320 of 320 values are NaN"),
        (bad_record, "a.tfrecord: record 0: image: 2 values; allowed: those of shape [1, 8, 8, 1]"),
        (bad_mixture, "a.wav: .wav beside a.png, which is images"),
        (no_file, "calibration.data = '/data/*' matches no file"),
    ],
)
def test_data_that_cannot_be_used_costs_the_variants_that_need_it(
    tmp_path: Path, build_on: BuildOn, made: Callable[[Path], list[Path]], words: str
) -> None:
    """They are rejected by file, with a next step; the others are published all the same."""
    report = build_on(zoo.digits().model, made(tmp_path), rules=Preprocess())
    entry = only(report, Variant.INT8)
    assert entry.state is VariantState.REJECTED
    assert words in entry.reason
    assert entry.hint
    assert only(report, Variant.FLOAT16).state is VariantState.PROVEN


def test_evaluation_data_that_matches_nothing_is_told(tmp_path: Path, build_on: BuildOn) -> None:
    """A typing error in the pattern would otherwise prove a variant on noise in silence."""
    report = build_on(
        zoo.digits().model,
        [zoo.digits().calibration],
        rules=Preprocess(),
        evaluation=Evaluation(data="/data/evall/*.npz"),
    )
    entry = only(report, Variant.INT8)
    assert entry.state is VariantState.UNVERIFIED
    assert "evaluation.data = '/data/evall/*.npz' matches no file" in entry.reason


def test_synthetic_calibration_is_never_proven(build_on: BuildOn) -> None:
    """However well it looks: ranges from noise are a guess, and both report and state say so."""
    report = build_on(
        zoo.digits().model,
        [],
        [zoo.digits().evaluation],
        rules=Preprocess(),
        calibration=Calibration(synthetic=True, samples=50),
        variants=(*VARIANTS, Variant.INT16X8, Variant.INT8_FLOAT_FALLBACK),
    )
    for variant in (Variant.INT8, Variant.INT16X8, Variant.INT8_FLOAT_FALLBACK):
        entry = only(report, variant)
        assert entry.state in {VariantState.UNVERIFIED, VariantState.REJECTED}
        assert check(entry, "calibration").result is CheckResult.UNPROVEN
    assert only(report, Variant.INT16X8).state is VariantState.UNVERIFIED
    assert "synthetic noise" in only(report, Variant.INT16X8).reason
    assert only(report, Variant.FLOAT16).state is VariantState.PROVEN
    (note,) = [note for note in report.source.notes if "synthetic" in note]
    assert "int8, int16x8, int8_float_fallback took their ranges from noise" in note


def test_synthetic_calibration_is_rejected_where_proof_is_required(build_on: BuildOn) -> None:
    """Unverified is not proven."""
    report = build_on(
        zoo.digits().model,
        [],
        rules=Preprocess(),
        calibration=Calibration(synthetic=True),
        require_proof=True,
    )
    entry = only(report, Variant.INT8)
    assert entry.state is VariantState.REJECTED


def test_the_same_noise_gives_the_same_bytes(build_on: BuildOn) -> None:
    """It is seeded: an equal build key stays an equal file."""
    reports = [
        build_on(
            zoo.digits().model,
            [],
            rules=Preprocess(),
            calibration=Calibration(synthetic=True, samples=20),
        )
        for _ in range(2)
    ]
    first, second = (only(report, Variant.INT8).files for report in reports)
    assert first
    assert first == second
