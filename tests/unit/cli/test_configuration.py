"""``tflited config``: check, show and explain."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def test_check_counts_policies(folder: Path, run: Run) -> None:
    """A right configuration is told with its parts."""
    (folder / "models" / ".tflited.toml").write_text('variants = ["float16"]\n')
    code, out, _ = run("config", "check")
    assert code == 0
    assert "1 roots, 1 folder policies" in out


def test_check_refuses_a_wrong_folder_policy(folder: Path, run: Run) -> None:
    """The key is named and the exit code is that of a configuration."""
    (folder / "models" / ".tflited.toml").write_text('varients = ["float16"]\n')
    code, _, err = run("config", "check")
    assert code == 3
    assert "varients" in err


def test_check_tells_every_wrong_folder_policy(folder: Path, run: Run) -> None:
    """Two broken files are two problems in one run, each told once."""
    for name in ("a", "b"):
        (folder / "models" / name / "below").mkdir(parents=True)
        (folder / "models" / name / ".tflited.toml").write_text(f"wrong_{name} = 1\n")
        (folder / "models" / name / "below" / ".tflited.toml").write_text("")
    code, _, err = run("config", "check")
    assert code == 3
    assert err.count("wrong_a:") == 1
    assert err.count("wrong_b:") == 1


def test_show_prints_what_is_in_force(folder: Path, run: Run) -> None:
    """The output is TOML, defaults included."""
    code, out, _ = run("config", "show")
    shown = tomllib.loads(out)
    assert code == 0
    assert shown["daemon"]["settle_seconds"] == 3.0
    assert shown["daemon"]["output"] == str(folder / "output")


def test_explain_names_the_origin(folder: Path, run: Run) -> None:
    """A key of a folder file is told with that file."""
    (folder / "models" / ".tflited.toml").write_text('variants = ["float16"]\n')
    code, out, _ = run("config", "explain", "models/net.keras", "--json")
    explained = json.loads(out)
    assert code == 0
    assert ".tflited.toml" in explained["variants"]["origin"]


def test_explain_refuses_what_is_outside(run: Run) -> None:
    """A path outside the roots has no policy."""
    code, _, err = run("config", "explain", "/elsewhere/net.keras")
    assert code == 2
    assert "/elsewhere/net.keras: outside the roots" in err
