"""Names that a module defines, read from its text."""

from pathlib import Path

from tflited.convert.preflight.names import defined_names


def test_nothing_is_run(tmp_path: Path) -> None:
    """The text is parsed only; a module that does not parse has no names here."""
    good, bad, canary = tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "canary"
    good.write_text(f"open({str(canary)!r}, 'w')\nclass Layer: pass\ndef swish(x): return x\n")
    bad.write_text("class")
    modules = [str(good), str(bad), str(tmp_path / "none.py")]
    assert defined_names(modules) == {"Layer", "swish"}
    assert not canary.exists()
