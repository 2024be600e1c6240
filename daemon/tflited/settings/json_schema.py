"""Owns the JSON schemas of the configuration files, made from the models that read them.

``python -m tflited.settings.json_schema config/schema`` writes them; a test proves they are
current. Editors check a TOML file against them.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from tflited import durable
from tflited.settings.main_schema import HubReferenceTable, MainTable
from tflited.settings.schema import PolicyTable

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, str]:
    """File name to text of every schema."""
    return {
        "tflited.schema.json": _text(MainTable, "tflited.toml, the main file"),
        "folder-policy.schema.json": _text(PolicyTable, ".tflited.toml, a folder policy"),
        "hub-reference.schema.json": _text(HubReferenceTable, "NAME.hub.toml, a Hub reference"),
    }


def main(arguments: Sequence[str]) -> int:
    """Writes the schemas into the directory that the only argument names."""
    (directory,) = arguments
    for name, text in schemas().items():
        durable.write(Path(directory, name), text.encode())
    return 0


def _text(model: type[BaseModel], title: str) -> str:
    schema = model.model_json_schema(mode="validation") | {"$schema": DIALECT, "title": title}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
