"""WAV files as samples: rates, lengths, channels, and headers that lie."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io.wavfile  # type: ignore[import-untyped]  # no stubs
import scipy.signal  # type: ignore[import-untyped]  # no stubs

import data_files
from tflited.convert.data import samples
from tflited.convert.data.resample import resampled
from tflited.convert.data.wav_file import frames, opened
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess
from tflited.errors import ConversionError

Refusal = Callable[..., str]
SHORT = TensorSpec(index=0, name="sound", shape=(-1, 100), dtype="float32")
STEREO = TensorSpec(index=0, name="sound", shape=(-1, 100, 2), dtype="float32")
TONE = np.sin(np.arange(250) / 5) * 0.9
SCIPY_FILES = Path(scipy.io.__file__).parent / "tests" / "data"


def read(file: Path, spec: TensorSpec = SHORT, **rules: Any) -> list[Any]:
    found = samples.read([str(file)], (spec,), limit=10, rules=Preprocess(**rules))
    return [found[index]["sound"] for index in range(len(found))]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_each_width_of_pcm_gives_the_same_sound(tmp_path: Path, width: int) -> None:
    """From -1 to 1, whatever the file holds."""
    (made,) = read(data_files.wav(tmp_path / "a.wav", TONE, width=width))
    assert made.shape == (1, 100)
    assert np.abs(made[0] - TONE[:100]).max() < 2.0 ** (2 - 8 * width) + 1e-6


@pytest.mark.filterwarnings("ignore:Chunk .non-data. not understood")
@pytest.mark.parametrize(
    "name",
    [
        "test-44100Hz-2ch-32bit-float-le.wav",
        "test-48000Hz-2ch-64bit-float-le-wavex.wav",
        "test-8000Hz-le-2ch-1byteu.wav",
        "test-44100Hz-le-1ch-4bytes.wav",
    ],
)
def test_files_of_other_writers_are_read_as_scipy_reads_them(name: str) -> None:
    """Floats, the extensible form and plain PCM, written by other programs."""
    file = SCIPY_FILES / name
    rate, expected = scipy.io.wavfile.read(file)
    wav = opened(file)
    made = frames(wav, 0, wav.frames)
    expected = expected.reshape(len(expected), -1).astype(np.float64)
    scaled = {"1byteu": (expected - 128) / 128, "4bytes": expected / 2**31}
    wanted = next((value for end, value in scaled.items() if end in name), expected)
    assert wav.rate == rate
    assert made.shape == wanted.shape
    assert np.allclose(made, wanted, atol=1e-6)


def test_a_short_sound_is_followed_by_silence(tmp_path: Path) -> None:
    """As tf.audio.decode_wav does with desired_samples."""
    (made,) = read(data_files.wav(tmp_path / "a.wav", TONE[:30]))
    assert np.abs(made[0, :30] - TONE[:30]).max() < 1e-4
    assert not made[0, 30:].any()


def test_a_long_sound_gives_its_beginning_or_all_windows(tmp_path: Path) -> None:
    """250 samples are one input of 100, or two."""
    file = data_files.wav(tmp_path / "a.wav", TONE)
    first, second = read(file, windows=True)
    assert np.array_equal(read(file)[0], first)
    assert np.abs(second[0] - TONE[100:200]).max() < 1e-4


def test_channels_are_mixed_for_a_model_of_one(tmp_path: Path) -> None:
    """Mono is the mean of both sides; a model of two channels takes both."""
    both = np.stack([TONE, -TONE / 2], axis=1)
    file = data_files.wav(tmp_path / "a.wav", both)
    assert np.abs(read(file)[0][0] - TONE[:100] / 4).max() < 1e-4
    assert np.abs(read(file, STEREO)[0][0] - both[:100]).max() < 1e-4


def test_other_channels_are_refused(tmp_path: Path, refusal: Refusal) -> None:
    """One channel is no two."""
    file = data_files.wav(tmp_path / "a.wav", TONE)
    assert "1 channels; allowed: 2" in refusal(file, STEREO)


def test_an_integer_input_takes_scaled_values(tmp_path: Path) -> None:
    """Models that take 16-bit samples say so by scale."""
    spec = TensorSpec(index=0, name="sound", shape=(-1, 100), dtype="int16")
    (made,) = read(data_files.wav(tmp_path / "a.wav", TONE), spec, scale=32768.0)
    assert made.dtype == np.int16
    assert np.abs(made[0] - TONE[:100] * 32767).max() <= 1


def test_another_rate_is_refused_by_name(tmp_path: Path, refusal: Refusal) -> None:
    """A sound at another pitch calibrates on something else."""
    files = [
        data_files.wav(tmp_path / "a.wav", TONE, rate=16_000),
        data_files.wav(tmp_path / "b.wav", TONE, rate=8000),
    ]
    message = refusal(files[1], SHORT, sample_rate=16_000)
    assert "b.wav: 8000 Hz; allowed: 16000 Hz, as sample_rate says" in message
    assert "b.wav: 8000 Hz; allowed: 16000 Hz, as the first file has" in refusal(files, SHORT)


@pytest.mark.parametrize(("rate", "wanted"), [(44_100, 16_000), (8000, 16_000), (48_000, 44_100)])
def test_resampling_keeps_a_tone(rate: int, wanted: int) -> None:
    """A tone of 1 kHz stays one of 1 kHz, to within what scipy reaches, or better."""
    sound = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).reshape(-1, 1)
    padded = np.pad(sound, ((4000, 4000), (0, 0)))

    def read(start: int, stop: int) -> Any:
        return padded[start + 4000 : stop + 4000]

    made = resampled(read, (0, wanted), rate=rate, wanted=wanted)[:, 0]
    expected = np.sin(2 * np.pi * 1000 * np.arange(wanted) / wanted)
    common = np.gcd(rate, wanted)
    peer = scipy.signal.resample_poly(sound[:, 0], wanted // common, rate // common)
    inner = slice(200, -200)
    error = np.abs(made - expected)[inner].max()
    assert error < 2e-3
    assert error < 2 * np.abs(peer - expected)[inner].max()


def test_resampling_lets_nothing_fold_back() -> None:
    """A tone above the new Nyquist frequency is gone, not another tone."""
    sound = np.sin(2 * np.pi * 7000 * np.arange(16_000) / 16_000).reshape(-1, 1)
    padded = np.pad(sound, ((4000, 4000), (0, 0)))
    made = resampled(
        lambda start, stop: padded[start + 4000 : stop + 4000],
        (200, 7800),
        rate=16_000,
        wanted=8000,
    )
    assert np.abs(made).max() < 0.01


def test_a_window_is_resampled_as_the_whole_is(tmp_path: Path) -> None:
    """Windows fit together without a seam."""
    sound = np.random.default_rng(1).uniform(-1, 1, 900)
    file = data_files.wav(tmp_path / "a.wav", sound, rate=16_000)
    rules: Any = {"sample_rate": 8000, "resample": True, "windows": True}
    parts = read(file, **rules)
    whole = TensorSpec(index=0, name="sound", shape=(-1, 400), dtype="float32")
    (together,) = read(file, whole, **rules)
    assert len(parts) == 4
    assert np.allclose(np.concatenate([part[0] for part in parts]), together[0], atol=1e-6)


def header(
    *, code: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, length: int = 8
) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * block % 2**32, block, bits)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", 36 + length % 2**31, b"WAVE", b"fmt ", 16)
        + form
        + struct.pack("<4sI", b"data", length)
        + bytes(8)
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello, this is text", "is no WAV file; it begins with 68 65 6c 6c"),
        (b"RI", "cannot be read"),
        (header()[:30], "cannot be read"),
        (header(length=2**32 - 1), "claims 4294967295 bytes of sound, 8 are there"),
        (header(length=0), "holds no sound"),
        (header(rate=0), "0 Hz"),
        (header(rate=2**32 - 1), "4294967295 Hz"),
        (header(channels=0), "0 channels"),
        (header(channels=65_535, bits=8), "65535 channels"),
        (header(code=7, bits=8), "format 7 with 8 bits; allowed: PCM of 8, 16, 24 or 32 bits"),
        (header(code=3), "format 3 with 16 bits"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 100_000, "no sound in its first 256 chunks"),
        (b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", "has sound but no format before it"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", "cannot be read"),
    ],
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, refusal: Refusal, content: bytes, words: str
) -> None:
    """Before memory is taken for what it claims."""
    (tmp_path / "a.wav").write_bytes(content)
    message = refusal(tmp_path / "a.wav", SHORT)
    assert message.startswith("a.wav: ")
    assert words in message


def test_floats_that_are_none_are_refused(tmp_path: Path, refusal: Refusal) -> None:
    """A float file can hold NaN."""
    sound = TONE.astype(np.float32)
    sound[7] = np.nan
    scipy.io.wavfile.write(tmp_path / "a.wav", 8000, sound)
    assert "a.wav: 1 of 100 values are NaN" in refusal(tmp_path / "a.wav", SHORT)


@pytest.mark.parametrize(
    ("shape", "rules", "words"),
    [
        ((-1, 8, 8, 1), {}, "allowed: [n, length] or [n, length, channels]"),
        ((-1, -1), {}, "takes any length"),
        ((-1, 100), {"length": 50}, "preprocess.length: 50, input 'sound' has 100"),
        ((-1, 100), {"std": (1.0, 2.0)}, "preprocess.std: 2 numbers"),
    ],
)
def test_rules_that_do_not_fit_the_model_are_refused(
    tmp_path: Path, refusal: Refusal, shape: tuple[int, ...], rules: dict[str, Any], words: str
) -> None:
    """Observed against allowed."""
    spec = TensorSpec(index=0, name="sound", shape=shape, dtype="float32")
    assert words in refusal(data_files.wav(tmp_path / "a.wav", TONE), spec, **rules)


def test_a_dynamic_length_takes_what_length_says(tmp_path: Path) -> None:
    """A recurrent model has no length of its own."""
    spec = TensorSpec(index=0, name="sound", shape=(-1, -1), dtype="float32")
    (made,) = read(data_files.wav(tmp_path / "a.wav", TONE), spec, length=120)
    assert made.shape == (1, 120)


def test_a_file_that_shrinks_is_told(tmp_path: Path) -> None:
    """Data is read where it lies: it may change meanwhile."""
    file = data_files.wav(tmp_path / "a.wav", TONE)
    wav = opened(file)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ConversionError, match="became shorter"):
        frames(wav, 0, 200)
