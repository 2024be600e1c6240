"""What people are shown of the configuration."""

from collections.abc import Callable
from pathlib import Path

from tflited.settings.explain import effective, explain, toml_value
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies

RICH = """
[daemon]
workers = 3
[http]
listen = "[::1]:0"
[policy.default]
variants = ["int8", "DEFAULT"]
input_shape = [1, 2]
calibration.data = "cal/*.npz"
evaluation.float32_tolerance = 1e-5
evaluation.metric = "top5"
hooks.published = ["notify", "a \\"b\\""]
[policy.other]
input_shape = {a = [1]}
"""


def test_every_key_is_explained(settings_of: Callable[[str], Settings]) -> None:
    """Each key stands with its value as in TOML and its origin."""
    settings = settings_of(RICH)
    lines = explain(FolderPolicies(settings).resolve(settings.roots[0], "x"))
    named = f"{settings.source} [policy.default]"
    assert ("input_shape", "[1, 2]", named) in lines
    translated = f"{named} (DEFAULT means int8_float_fallback; calibration data is named)"
    assert ("variants", '["int8", "int8_float_fallback"]', translated) in lines
    assert ("calibration.samples", "200", "built-in") in lines
    assert ("hooks.published", '["notify", "a \\"b\\""]', named) in lines


def test_explain_without_any_policy(settings_of: Callable[[str], Settings]) -> None:
    """Without calibration its keys are explained all the same."""
    settings = settings_of("")
    lines = explain(FolderPolicies(settings).resolve(settings.roots[0], "x"))
    assert ("calibration.data", '""', "built-in") in lines
    assert ("evaluation.metric", '""', "built-in") in lines


def test_effective_configuration_loads_to_the_same(
    settings_of: Callable[[str], Settings], write: Callable[[str, str], Path]
) -> None:
    """What is printed is a main file that means the same."""
    settings = settings_of(RICH)
    again = load(path=write("tflited.toml", effective(settings)))
    assert again == settings


def test_credentials_are_masked(settings_of: Callable[[str], Settings]) -> None:
    """What people paste into a report has no password and no token, in lists neither."""
    settings = settings_of(
        '[policy.default.hooks]\nfailed = "https://user:s3cret@ci.example/h?token=t0ken"\n'
        'published = ["/bin/post", "https://s3cret@ci.example"]\n'
    )
    lines = explain(FolderPolicies(settings).resolve(settings.roots[0], "x"))
    shown = effective(settings) + repr(lines)
    assert "https://***@ci.example/h?***" in shown
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_tables_are_inline() -> None:
    """Mappings, booleans and control characters are written as TOML reads them."""
    assert toml_value({"a b": (1, True, "\x7f\n")}) == '{"a b" = [1, true, "\\u007F\\n"]}'
