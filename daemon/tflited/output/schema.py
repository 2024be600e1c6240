"""The JSON schemas of the two records, made from the dataclasses they are read into.

``python -m tflited.output.schema config/schema`` writes them; a test proves they are current.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tflited import durable
from tflited.output.records import MANIFEST, REPORT

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, str]:
    """File name to text of every schema."""
    return {
        "manifest.schema.json": _text(MANIFEST, "manifest.json of a published set, version 1"),
        "report.schema.json": _text(REPORT, "report.json of a published set, version 1"),
    }


def main(arguments: Sequence[str]) -> int:
    """Writes the schemas into the directory that the only argument names."""
    (directory,) = arguments
    for name, text in schemas().items():
        durable.write(Path(directory, name), text.encode())
    return 0


def _text(adapter: TypeAdapter[Any], title: str) -> str:
    """One schema, for people: two spaces, a line at the end."""
    schema = adapter.json_schema(mode="validation") | {"$schema": DIALECT, "title": title}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
