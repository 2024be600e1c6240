"""The fields of the form: each leads to a key of the trigger document that there is."""

import json

import pytest

from tflited.domain.job import TriggerSource
from tflited.pages.asking.document import asked
from tflited.pages.asking.fields import FIELDS, GROUPS, POLICY, fields
from tflited.settings.problems import validate
from tflited.settings.schema import PolicyTable
from tflited.triggers.document import parse

VALUES = {
    "model.hub": "https://tfhub.dev/x/1",
    "model.input_shape": "1,4",
    f"{POLICY}.input_shape": "x=1,4",
    f"{POLICY}.mixed": "",
    f"{POLICY}.prune.sparsity": "0.5",
    f"{POLICY}.calibration.samples": "10",
    f"{POLICY}.evaluation.max_drop": "0.1",
    f"{POLICY}.evaluation.min_snr_db": "30",
    f"{POLICY}.c_array.symbol": "g_{model}",
    f"{POLICY}.c_array.section": ".rodata",
    "priority": "7",
    POLICY: "keep_trying = 1",
}


def value_of(key: str) -> str:
    """Something that a field takes."""
    choices = [value for value, _ in FIELDS[key].choices if value]
    return VALUES.get(key) or (choices[-1] if choices else "true" if key == "force" else "x/*.npz")


@pytest.mark.parametrize("key", [key for key in FIELDS if key != POLICY])
def test_every_field_is_a_key_of_the_document(key: str) -> None:
    """The parser and the policy's own schema take what the field makes."""
    has_handle = key in {"model.hub", "model.input_shape"}
    model = {"model.hub": [VALUES["model.hub"]]} if has_handle else {"model.path": ["zoo/net"]}
    document = asked({**model, key: [value_of(key)]}).document
    trigger = parse(json.dumps(document).encode(), TriggerSource.API)

    validate(PolicyTable, trigger.override, file="form", under=POLICY)
    here: object = document
    for part in key.split("."):
        assert isinstance(here, dict)
        assert part in here, f"{key} is not in {document}"
        here = here[part]


def test_every_choice_is_taken() -> None:
    """No choice of a list is one that the policy refuses."""
    for key, each in FIELDS.items():
        for value, _ in each.choices:
            if value and key.startswith(POLICY):
                document = asked({"model.path": ["a"], key: [value]}).document
                override = document["policy"]["override"]
                validate(PolicyTable, override, file="form", under=POLICY)


def test_every_field_says_what_it_is() -> None:
    """One line of help each, an element of its own, and no name twice."""
    every = fields(GROUPS)
    assert all(each.label and each.help and "\n" not in each.help for each in every)
    assert len({each.id for each in every}) == len({each.key for each in every}) == len(every)
