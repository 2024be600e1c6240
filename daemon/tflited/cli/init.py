"""``tflited init``: writes a minimal commented configuration."""

from pathlib import Path
from typing import Annotated

import typer

from tflited import durable
from tflited.domain.policy import FOLDER_POLICY_NAME
from tflited.errors import UsageError
from tflited.settings.starter import FOLDER_POLICY, MAIN_FILE


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write.")] = Path(),
    policy: Annotated[
        bool, typer.Option("--policy", help=f"Write a folder policy, {FOLDER_POLICY_NAME}.")
    ] = False,
) -> int:
    """Write a minimal commented main file, or a folder policy; never over an existing one."""
    path = folder / (FOLDER_POLICY_NAME if policy else "tflited.toml")
    if path.exists():
        raise UsageError(f"{path} exists already.", hint="edit it, or remove it first")
    folder.mkdir(parents=True, exist_ok=True)
    durable.write(path, (FOLDER_POLICY if policy else MAIN_FILE).encode())
    print(f"wrote {path}")
    return 0
