"""What ``tflited doctor`` looks at of systemd and of the installed unit, where there are any."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tflited.cli.finding import Finding

UNIT: Final = "tflited.service"
LEAST_SYSTEMD: Final = 252
HIDDEN_BY_PROTECT_HOME: Final = ("/home", "/root", "/run/user")
PROPERTIES: Final = ("LoadState", "ProtectHome", "MemoryDenyWriteExecute", "Environment")
WITHOUT_ONEDNN: Final = "TF_ENABLE_ONEDNN_OPTS=0"
_SECONDS: Final = 10


def findings() -> Iterator[Finding]:
    """Nothing on a machine without systemd."""
    systemctl = shutil.which("systemctl")
    if systemctl is None or not Path("/run/systemd/system").is_dir():
        return
    yield version(_output([systemctl, "--version"]))
    asked = [f"--property={name}" for name in PROPERTIES]
    properties = parse(_output([systemctl, "show", UNIT, *asked]))
    if properties.get("LoadState") == "loaded":
        yield interpreter(properties, Path(sys.executable))
        yield generated_code(properties)


def parse(text: str) -> dict[str, str]:
    """What ``systemctl show`` prints, by the property's name."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def version(text: str) -> Finding:
    """Whether systemd knows the directives of the unit.

    Args:
        text: what ``systemctl --version`` prints, as in ``systemd 252 (252.39-1)``.
    """
    words = text.split()
    number = words[1] if len(words) > 1 and words[1].isdecimal() else "0"
    if int(number) >= LEAST_SYSTEMD:
        return Finding("systemd", True, number)
    fix = f"needed {LEAST_SYSTEMD}: it ignores directives it does not know; use a newer release"
    return Finding("systemd", False, f"{number}, {fix}")


def interpreter(properties: Mapping[str, str], program: Path) -> Finding:
    """Whether the unit hides the Python that it starts."""
    is_home = str(program.resolve()).startswith(
        tuple(f"{folder}/" for folder in HIDDEN_BY_PROTECT_HOME)
    )
    if is_home and properties.get("ProtectHome", "no") != "no":
        fix = "install the package, or an interpreter outside of home folders"
        return Finding("interpreter", False, f"{program} is hidden by ProtectHome=: {fix}")
    return Finding("interpreter", True, str(program))


def generated_code(properties: Mapping[str, str]) -> Finding:
    """Whether TensorFlow is told to do without what the unit forbids."""
    name = "generated code"
    if properties.get("MemoryDenyWriteExecute") != "yes":
        return Finding(name, True, "allowed by the unit")
    if WITHOUT_ONEDNN in properties.get("Environment", "").split():
        return Finding(name, True, f"forbidden by the unit, and {WITHOUT_ONEDNN}")
    fix = f"add Environment={WITHOUT_ONEDNN} to the unit, or use drop-ins/onednn.conf"
    return Finding(name, False, f"MemoryDenyWriteExecute=yes, and oneDNN writes code: {fix}")


def _output(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603  # a program of the system's and constants
        command, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    return done.stdout
