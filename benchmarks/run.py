"""Measures tflited against its peers on this machine and prints one JSON document.

    python benchmarks/run.py [--models N] [--pairs N] [--attempts N]
                             [--watched N] [--builds N] [--jobs N]

Nothing here passes or fails on time: ratios of one run say more than seconds of two machines.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import folder
import intake
import isolation
import page
import scrape
from filled import filled
from stopwatch import quiet
from tflited import toolchain

HERE: Final = Path(__file__).resolve().parent
TRAINER: Final = HERE.parent / "examples" / "train_digits.py"
MODEL: Final = "digits"


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=_count, default=20, help="models in the folder")
    parser.add_argument("--pairs", type=_count, default=3, help="pairs of conversions")
    parser.add_argument("--watched", type=_count, default=10_000, help="models that rest")
    parser.add_argument("--builds", type=_count, default=15, help="builds of one small model")
    parser.add_argument("--jobs", type=_count, default=100_000, help="jobs that have ended")
    parser.add_argument("--attempts", type=_count, default=20, help="empty attempts")
    print(json.dumps(measured(parser.parse_args()), indent=2))


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """The whole document."""
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as name:
        scratch = Path(name)
        model = _trained(scratch)
        _made("models.py", scratch)
        return {
            "ratio": "ours / peer, median over pairs; below 1 means that tflited is quicker",
            "machine": {
                "cores": toolchain.processors(),
                "architecture": platform.machine(),
                "python": platform.python_version(),
            },
            "versions": toolchain.versions(),
            "conversion": _conversion(scratch, model, options.pairs),
            "folder": folder.measure(model, options.models, scratch),
            "intake": intake.measure(model, options.watched, options.builds, scratch),
            "filled": _filled(scratch, model, options),
            "isolation": {
                **isolation.measure(options.attempts),
                "small_saved_model": isolation.converted(model, options.pairs),
            },
            "c_array": _c_array(options.pairs),
        }


def _trained(scratch: Path) -> Path:
    target = scratch / "trained"
    command = [sys.executable, str(TRAINER), str(target), "--format", "saved_model"]
    # The document is all that goes to standard output.
    subprocess.run(command, check=True, env=quiet(), stdout=sys.stderr)
    return target / MODEL


def _made(script: str, *arguments: object) -> str:
    """What a program of this folder prints, run in a process of its own."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, check=True, env=quiet(), stdout=subprocess.PIPE, text=True)
    return done.stdout


def _conversion(scratch: Path, model: Path, pairs: int) -> dict[str, Any]:
    printed = _made("conversion.py", scratch, model, pairs)
    answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return answer


def _filled(scratch: Path, model: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of a daemon with many models and a long history."""
    watched = options.watched
    daemon = filled(model, scratch / "filled", models=watched, jobs=options.jobs)
    return {
        "scrape": scrape.measure(daemon, model, watched, options.builds),
        "page": page.measure(daemon, model, watched + options.builds, options.builds),
    }


def _c_array(pairs: int) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(_made("c_array.py", pairs).splitlines()[-1])
    return answer


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"observed {value}, allowed 1 or more")
    return value


if __name__ == "__main__":
    main()
