"""From what was typed to the document, and from a refusal back to the fields it is about."""

from tflited.domain.job import TriggerSource
from tflited.errors import TriggerRefusedError
from tflited.pages.asking.document import asked, blamed, with_id
from tflited.pages.asking.fields import POLICY
from tflited.triggers.document import parse

NET = {"model.path": ["zoo/net"]}


def test_a_field_left_alone_is_not_in_the_document() -> None:
    """What is not asked for is the policy's."""
    assert asked({**NET, "save_to": [""], f"{POLICY}.target": [""]}).document == {
        "version": 1,
        "model": {"path": "zoo/net"},
    }


def test_several_ticks_are_a_list_in_their_order() -> None:
    """As the browser sends them."""
    document = asked({**NET, f"{POLICY}.variants": ["int8", "auto"]}).document
    assert document["policy"]["override"]["variants"] == ["int8", "auto"]


def test_a_shape_is_the_modules_or_the_policys() -> None:
    """With a handle it stands beside it, with a path it is a key of the policy."""
    hub = asked({"model.hub": ["https://a.b/c"], "model.input_shape": ["1,4"]}).document
    path = asked({**NET, f"{POLICY}.input_shape": ["x=1,4"]}).document
    assert hub["model"] == {"hub": "https://a.b/c", "input_shape": [1, 4]}
    assert path["policy"]["override"] == {"input_shape": {"x": [1, 4]}}


def test_what_cannot_be_read_is_told_at_its_field() -> None:
    """All of it at once, with what was typed."""
    found = asked({**NET, f"{POLICY}.prune.sparsity": ["half"], "priority": ["12"]})
    assert found.problems == {
        f"{POLICY}.prune.sparsity": "observed 'half', allowed a number, with a point: 0.5",
        "priority": "observed '12', allowed one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    }


def test_other_keys_join_the_fields() -> None:
    """A table that a field began goes on; what a field gave is not given again."""
    style = {f"{POLICY}.c_array.style": ["tflm"]}
    joined = asked({**NET, **style, POLICY: ['c_array.section = ".x"\n[limits]\ncpu_seconds = 9']})
    assert joined.document["policy"]["override"] == {
        "c_array": {"style": "tflm", "section": ".x"},
        "limits": {"cpu_seconds": 9},
    }
    twice = asked({**NET, **style, POLICY: ['c_array.style = "c"']})
    assert "style is given there" in twice.problems[POLICY]


def test_a_form_sent_twice_is_one_job() -> None:
    """The id stands for the form and what it says; changed in between, it is another."""
    one = asked(NET).document
    other = asked({**NET, "force": ["true"]}).document
    ids = [with_id(*each)["id"] for each in ((one, "a"), (one, "a"), (other, "a"), (one, "b"))]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def refusal(text: str) -> str:
    """Why the parser refuses a document."""
    try:
        parse(text.encode(), TriggerSource.API)
    except TriggerRefusedError as error:
        return str(error)
    raise AssertionError(text)


def test_the_parsers_words_lead_to_the_fields() -> None:
    """Every problem of a document is told where it was typed."""
    document = '{"version": 1, "model": {"path": "../a"}, "save_to": "x"}'
    assert set(blamed(refusal(document), has_handle=False)) == {"model.path"}
    document = '{"version": 1, "model": {"path": "a", "hub": "b"}, "priority": 12, "save_to": ""}'
    assert set(blamed(refusal(document), has_handle=True)) == {"model.path", "priority", "save_to"}
    document = '{"version": 1, "model": {"hub": "b", "input_shape": [0]}}'
    assert set(blamed(refusal(document), has_handle=True)) == {"model.input_shape"}
    document = '{"version": 1, "model": {"path": "a"}, "save_to": "/x"}'
    assert set(blamed(refusal(document), has_handle=False)) == {"save_to"}


def test_a_refused_policy_leads_to_its_keys() -> None:
    """Keys of the policy with or without their whole name, unknown ones to the field for others."""
    reason = (
        "Trigger form-1 asks for a policy that cannot be:\n"
        "  trigger form-1: policy.override.prune.sparsity: observed 2.0, allowed below 1\n"
        '  trigger form-1: input_type: observed "int8", allowed this type with int8\n'
        '  trigger form-1: policy.name: observed "x", allowed a [policy.NAME]\n'
        "  trigger form-1: policy.override.prune.depth: observed an unknown key, allowed sparsity\n"
        "  trigger form-1: policy.override.colour: observed an unknown key, allowed target"
        " Next: correct the trigger document and send it again"
    )
    found = blamed(reason, has_handle=False)
    assert set(found) == {
        f"{POLICY}.prune.sparsity", f"{POLICY}.input_type", "policy.name", POLICY,
    }  # fmt: skip
    assert "observed 2.0" in found[f"{POLICY}.prune.sparsity"]
    assert "depth" in found[POLICY]
    assert "colour" in found[POLICY]


def test_what_names_no_key_is_about_the_model() -> None:
    """With the next step, at the field that names it."""
    reason = "'zoo/net': no model there. Next: tflited why PATH tells what is there"
    assert blamed(reason, has_handle=False) == {
        "model.path": "'zoo/net': no model there. Next: tflited why PATH tells what is there"
    }
    assert set(blamed(reason, has_handle=True)) == {"model.hub"}
