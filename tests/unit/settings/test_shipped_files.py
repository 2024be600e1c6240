"""The files that are shipped say what the code says."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tflited.domain.policy import Policy
from tflited.settings.http_schema import HttpTable, UploadsTable
from tflited.settings.json_schema import main, schemas
from tflited.settings.layers import BUILT_IN_LAYER, leaves_of
from tflited.settings.load import load
from tflited.settings.main_schema import (
    BrokerTable,
    ClusterTable,
    DaemonTable,
    HubTable,
    LogTable,
    RootTable,
)
from tflited.settings.preprocess import PreprocessTable
from tflited.settings.resolve import FolderPolicies
from tflited.settings.schema import (
    AutoTable,
    CalibrationTable,
    EvaluationTable,
    HooksTable,
    LimitsTable,
    OutputTable,
    ProfileTable,
)
from tflited.settings.starter import FOLDER_POLICY, MAIN_FILE

REPOSITORY = Path(__file__).parents[3]
CONFIG = REPOSITORY / "config"
EXAMPLES = sorted((CONFIG / "policies").glob("*.toml"))
TABLES: dict[str, type[BaseModel]] = {
    "daemon": DaemonTable,
    "http": HttpTable,
    "http.uploads": UploadsTable,
    "hub": HubTable,
    "broker": BrokerTable,
    "cluster": ClusterTable,
    "log": LogTable,
    "root": RootTable,
}
POLICY_TABLES: dict[str, type[BaseModel]] = {
    "calibration": CalibrationTable,
    "evaluation": EvaluationTable,
    "preprocess": PreprocessTable,
    "auto": AutoTable,
    "profile": ProfileTable,
    "output": OutputTable,
    "hooks": HooksTable,
    "limits": LimitsTable,
}


def main_keys() -> Iterator[str]:
    for name, table in TABLES.items():
        keys = (f"{name}.{key}" for key in table.model_fields)
        yield from (key for key in keys if key not in TABLES)


def test_annotated_main_file_is_the_default(tmp_path: Path) -> None:
    """The annotated file means exactly what no file means."""
    shipped = load(path=CONFIG / "tflited.toml")
    built_in = load(directory=CONFIG)
    assert replace(shipped, source=built_in.source) == built_in


def test_annotated_main_file_shows_every_key() -> None:
    """Nobody has to search for a key."""
    tables = tomllib.loads((CONFIG / "tflited.toml").read_text())
    tables["http.uploads"] = tables["http"].pop("uploads")
    shown = {f"{name}.{key}" for name in TABLES if name != "root" for key in tables[name]}
    assert shown == {key for key in main_keys() if not key.startswith("root.")} - {
        "http.token"  # a list of tables, as root is
    }


def test_annotated_main_file_shows_every_policy_key(write: Callable[[str, str], Path]) -> None:
    """With the # before its keys taken away, the policy names every key at its default."""
    text = (CONFIG / "tflited.toml").read_text()
    settings = load(
        path=write("tflited.toml", re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE))
    )
    resolved = FolderPolicies(settings).resolve(settings.roots[0], "x")
    assert set(leaves_of(settings.policies["default"])) == set(BUILT_IN_LAYER.leaves)
    assert resolved.policy == Policy()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_policy_examples_hold(write: Callable[[str, str], Path], example: Path) -> None:
    """Every example loads as a folder policy and changes something."""
    file = write("models/.tflited.toml", example.read_text())
    settings = load(directory=file.parents[1])
    assert FolderPolicies(settings).resolve(settings.roots[0], "x").policy != Policy()


def test_there_are_policy_examples() -> None:
    """The test above would pass on an empty folder."""
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("name", sorted(schemas()))
def test_json_schemas_are_current(name: str) -> None:
    """The schemas in config/schema are what the models make now."""
    assert (CONFIG / "schema" / name).read_text() == schemas()[name]


def test_json_schemas_are_written(tmp_path: Path) -> None:
    """The command writes both files."""
    assert main([str(tmp_path)]) == 0
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == schemas()


def test_starter_main_file_loads(write: Callable[[str, str], Path]) -> None:
    """What init writes is a configuration with one root and one policy."""
    settings = load(path=write("tflited.toml", MAIN_FILE))
    assert settings.roots[0].policy == "default"


def test_starter_folder_policy_holds(write: Callable[[str, str], Path]) -> None:
    """What init writes into a folder loads, also with its comments taken away."""
    for text in (FOLDER_POLICY, re.sub(r"^# (?=\[|data)", "", FOLDER_POLICY, flags=re.MULTILINE)):
        file = write("models/.tflited.toml", text)
        settings = load(directory=file.parents[1])
        resolved = FolderPolicies(settings).resolve(settings.roots[0], "x")
        assert resolved.origins["variants"] == str(file)


def test_documentation_has_every_key_and_no_other() -> None:
    """docs/configuration.md describes each key in a row of its own."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    rows = set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))
    assert rows == {*main_keys(), *BUILT_IN_LAYER.leaves, "policy.NAME"}


def test_documentation_tells_the_defaults() -> None:
    """The default of each policy key is the one of the code."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    told = dict(re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", text, flags=re.MULTILINE))
    for key, value in BUILT_IN_LAYER.leaves.items():
        assert tomllib.loads(f"x = {told[key]}")["x"] == json.loads(json.dumps(value)), key


def test_documentation_tells_the_ranges() -> None:
    """The least and the greatest value of each number stand in its row."""
    text = (REPOSITORY / "docs/configuration.md").read_text()
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for key, field in number_fields():
        for limit in field.metadata:
            bound = next((getattr(limit, n) for n in ("ge", "gt", "le") if hasattr(limit, n)), None)
            assert bound is None or re.search(rf"(?<![\d.]){bound}(?![\d.])", rows[key]), key


def number_fields() -> Iterator[tuple[str, FieldInfo]]:
    for name, table in {**TABLES, **POLICY_TABLES}.items():
        for key, field in table.model_fields.items():
            if field.annotation in {int, float}:
                yield f"{name}.{key}", field
