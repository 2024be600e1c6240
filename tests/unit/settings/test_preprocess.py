"""The ``[preprocess]`` table and what data keys must be to each other."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.domain.policy import Calibration, Policy, Variant
from tflited.domain.preprocess import Channels, Crop, Preprocess
from tflited.errors import ConfigurationError
from tflited.settings.codec import decode_policy, encode_policy
from tflited.settings.explain import explain
from tflited.settings.load import load
from tflited.settings.resolve import FolderPolicies

Write = Callable[[str, str], Path]


@pytest.fixture
def resolved(write: Write) -> Callable[[str], Policy]:
    """The policy of a model below a folder policy."""

    def found(text: str) -> Policy:
        file = write("models/.tflited.toml", text)
        settings = load(directory=file.parents[1])
        return FolderPolicies(settings).resolve(settings.roots[0], "x").policy

    return found


def test_every_key_arrives(resolved: Callable[[str], Policy]) -> None:
    """Numbers stand for lists of one, and a fraction for its value."""
    policy = resolved(
        """
        [preprocess]
        resize = [256, 320]
        crop = "center"
        scale = "1/255"
        mean = [0.485, 0.456, 0.406]
        std = 0.5
        channels = "bgr"
        classes = ["cat", "dog"]
        features = {image = "image/encoded"}
        """
    )
    assert policy.preprocess == Preprocess(
        resize=(256, 320),
        crop=Crop.CENTER,
        scale=1 / 255,
        mean=(0.485, 0.456, 0.406),
        std=(0.5,),
        channels=Channels.BGR,
        classes=("cat", "dog"),
        features={"image": "image/encoded"},
    )
    assert decode_policy(encode_policy(policy)) == policy


def test_keys_merge_and_tell_where_they_are_from(write: Write) -> None:
    """A nearer file changes one key and keeps the others."""
    outer = write("models/.tflited.toml", "[preprocess]\nscale = 0.5\nmean = 1")
    write("models/in/.tflited.toml", "[preprocess]\nmean = 2")
    settings = load(directory=outer.parents[1])
    found = FolderPolicies(settings).resolve(settings.roots[0], "in/x")
    assert (found.policy.preprocess.scale, found.policy.preprocess.mean) == (0.5, (2.0,))
    told = {key: (value, origin) for key, value, origin in explain(found)}
    assert told["preprocess.scale"] == ("0.5", str(outer))
    assert told["preprocess.mean"] == ("[2.0]", str(outer.parent / "in" / ".tflited.toml"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("scal = 1", "did you mean"),
        ("scale = 0", "a number above 0"),
        ("scale = true", "a number above 0"),
        ("scale = inf", "a number above 0"),
        ('scale = "1/0"', "a number above 0"),
        ('scale = "two"', "a number above 0"),
        ("mean = []", "a number, or a list"),
        ("mean = [nan]", "a number, or a list"),
        ("std = [1, 0]", "a number above 0, or a list"),
        ("resize = [10]", "[height, width]"),
        ("resize = [0, 10]", "[height, width]"),
        ("resize = [10, 20000]", "[height, width]"),
        ('channels = "rbg"', "auto"),
        ("sample_rate = -1", "sample_rate"),
        ("length = 99999999", "length"),
        ('classes = ["a", "a"]', "each once"),
        ("features = {a = 1}", "features.a"),
        ('features = {a = ""}', "features.a"),
        ('label_feature = ""', "label_feature"),
        ('raw_type = "object"', "uint8"),
        ("resample = true", "the preprocess.sample_rate that the model takes"),
    ],
)
def test_what_cannot_be_is_refused(
    resolved: Callable[[str], Policy], line: str, words: str
) -> None:
    """By key, with what is allowed."""
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        resolved(f"[preprocess]\n{line}")


def test_noise_stands_in_for_data_on_request(resolved: Callable[[str], Policy]) -> None:
    """Only then is there calibration without data; DEFAULT does not take it for data."""
    policy = resolved('variants = ["DEFAULT"]\n[calibration]\nsynthetic = true\nsamples = 5')
    assert policy.calibration == Calibration(synthetic=True, samples=5)
    assert policy.variants == (Variant.DYNAMIC_RANGE,)
    assert resolved("[calibration]\nsamples = 5").calibration is None


def test_noise_beside_data_is_refused(resolved: Callable[[str], Policy]) -> None:
    """Which of both was meant would be a guess."""
    with pytest.raises(ConfigurationError, match=r"calibration.synthetic.*beside calibration.data"):
        resolved('[calibration]\ndata = "c/*.npz"\nsynthetic = true')
