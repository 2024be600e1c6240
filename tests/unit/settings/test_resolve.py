"""Which policy holds: nearest wins key by key, and each key knows where it came from."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tflited.domain.job import TriggerSource
from tflited.domain.policy import (
    Calibration,
    LayerKind,
    Metric,
    MixedRule,
    Policy,
    Prune,
    ResolvedPolicy,
    Variant,
)
from tflited.domain.ports import PolicyResolver
from tflited.domain.trigger import Trigger
from tflited.errors import ConfigurationError, TriggerRefusedError
from tflited.settings.codec import decode_policy, encode_policy
from tflited.settings.load import load
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies

Write = Callable[[str, str], Path]
SettingsOf = Callable[[str], Settings]


def resolve(settings: Settings, path: str = "vision/net.keras") -> ResolvedPolicy:
    return FolderPolicies(settings).resolve(settings.roots[0], path)


def trigger(name: str | None = None, /, **override: Any) -> Trigger:
    return Trigger(
        id="t-1", path="x", policy_name=name, override=override, source=TriggerSource.CLI
    )


def ask(settings: Settings, asked: Trigger) -> ResolvedPolicy:
    return FolderPolicies(settings).resolve_trigger(settings.roots[0], "vision/net.keras", asked)


def test_it_is_the_engines_resolver(settings_of: SettingsOf) -> None:
    """The class fits the port; mypy reads this line."""
    settings = settings_of("")
    resolver: PolicyResolver = FolderPolicies(settings)
    assert resolver.resolve(settings.roots[0], "x").policy == Policy()


def test_without_any_policy(settings_of: SettingsOf) -> None:
    """The built-in policy is the domain's default, with every key's origin known."""
    resolved = resolve(settings_of(""))
    assert resolved.policy == Policy()
    assert resolved.name == "built-in"
    assert set(resolved.origins.values()) == {"built-in"}


def test_default_policy_holds_where_a_root_names_none(settings_of: SettingsOf) -> None:
    """A policy called default needs no mention."""
    settings = settings_of('[policy.default]\nvariants = ["int8"]\n')
    resolved = resolve(settings)
    assert resolved.policy.variants == (Variant.INT8,)
    assert resolved.origins["variants"] == f"{settings.source} [policy.default]"


def test_a_roots_policy_wins_over_default(settings_of: SettingsOf) -> None:
    """The default policy does not lie beneath another named one."""
    settings = settings_of('policy = "a"\n[policy.a]\n[policy.default]\ntarget = "gpu"\n')
    assert (resolve(settings).name, resolve(settings).policy.target) == ("a", "cpu")


def test_nearest_folder_wins_key_by_key(settings_of: SettingsOf, write: Write) -> None:
    """Keys that a nearer file does not name keep the farther value, inside tables too."""
    far = write(
        "models/.tflited.toml", 'target = "gpu"\n[c_array]\nenabled = false\nsection = "a"\n'
    )
    near = write("models/vision/.tflited.toml", '[c_array]\nsection = "b"\n')
    resolved = resolve(settings_of('[policy.default]\ntarget = "micro"\n'))
    assert resolved.policy.target == "gpu"
    assert (resolved.policy.c_array.enabled, resolved.policy.c_array.section) == (False, "b")
    assert resolved.origins["c_array.enabled"] == str(far)
    assert resolved.origins["c_array.section"] == str(near)
    assert resolved.origins["c_array.symbol"] == "built-in"


def test_a_saved_models_own_file_wins(settings_of: SettingsOf, write: Write) -> None:
    """A policy inside the model's directory is nearest of all."""
    write("models/.tflited.toml", 'target = "gpu"\n')
    write("models/net/.tflited.toml", 'target = "micro"\n')
    assert resolve(settings_of(""), "net").policy.target == "micro"


def test_a_root_that_is_the_model(settings_of: SettingsOf, write: Write) -> None:
    """The empty path is the root's own directory."""
    write("models/.tflited.toml", 'target = "gpu"\n')
    assert resolve(settings_of(""), "").policy.target == "gpu"


def test_neighbours_are_left_alone(settings_of: SettingsOf, write: Write) -> None:
    """A broken file concerns the models at or below it only."""
    write("models/broken/.tflited.toml", 'target = "gpus"\n')
    settings = settings_of("")
    assert resolve(settings, "whole/net.keras").policy == Policy()
    with pytest.raises(ConfigurationError, match="did you mean 'gpu'"):
        resolve(settings, "broken/deep/net.keras")


def test_problems_of_the_whole_chain(settings_of: SettingsOf, write: Write) -> None:
    """Two broken files on the way are told together."""
    write("models/.tflited.toml", "targt = 1\n")
    write("models/vision/.tflited.toml", "= 1\n")
    with pytest.raises(ConfigurationError) as refused:
        resolve(settings_of(""))
    assert len(refused.value.problems) == 2


def test_edits_hold_at_once(settings_of: SettingsOf, write: Write) -> None:
    """A changed, broken, mended and removed file is noticed by the next question."""
    settings = settings_of("")
    policies, root = FolderPolicies(settings), settings.roots[0]
    file = write("models/.tflited.toml", 'target = "gpu"\n')
    assert policies.resolve(root, "x").policy.target == "gpu"
    write("models/.tflited.toml", 'target = "none!"\n')
    with pytest.raises(ConfigurationError):
        policies.resolve(root, "x")
    write("models/.tflited.toml", 'target = "edgetpu"\n')
    assert policies.resolve(root, "x").policy.target == "edgetpu"
    file.unlink()
    assert policies.resolve(root, "x").policy.target == "cpu"


def test_an_unchanged_file_is_read_once(
    settings_of: SettingsOf, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of models below one file cost one parse; errors are kept as well."""
    opened: list[object] = []
    real = os.open
    write("models/.tflited.toml", "broken = 1\n")
    settings = settings_of("")
    policies = FolderPolicies(settings)

    def counting(path: Any, flags: int) -> int:
        opened.append(path)
        return real(path, flags)

    monkeypatch.setattr("tflited.settings.folder_file.os.open", counting)
    for _ in range(3):
        with pytest.raises(ConfigurationError):
            policies.resolve(settings.roots[0], "x")
    assert len(opened) == 1


def test_hooks_in_a_folder_are_refused(settings_of: SettingsOf, write: Write) -> None:
    """Who may write models may not choose programs to run."""
    write("models/.tflited.toml", '[hooks]\npublished = ["rm"]\n')
    with pytest.raises(ConfigurationError, match="in the main file only"):
        resolve(settings_of(""))


def test_a_pipe_in_place_of_a_policy(settings_of: SettingsOf, tmp_path: Path) -> None:
    """A named pipe is refused and does not hang the daemon."""
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models/.tflited.toml")
    with pytest.raises(ConfigurationError, match="no regular file"):
        resolve(settings_of(""))


def test_a_huge_policy_is_refused(settings_of: SettingsOf, write: Write) -> None:
    """A folder cannot make the daemon read without end."""
    write("models/.tflited.toml", "#" * 65_537)
    with pytest.raises(ConfigurationError, match="more than 65536 bytes"):
        resolve(settings_of(""))


@pytest.mark.parametrize("target", ["secret.toml", "gone.toml"])
def test_a_link_in_place_of_a_policy(
    settings_of: SettingsOf, write: Write, tmp_path: Path, target: str
) -> None:
    """What a link leads to is neither used nor told of; a dangling one is no missing file."""
    write("secret.toml", 'pass_phrase = "x"\n')
    (tmp_path / "models").mkdir()
    (tmp_path / "models/.tflited.toml").symlink_to(tmp_path / target)
    with pytest.raises(ConfigurationError, match="a symbolic link") as refused:
        resolve(settings_of(""))
    assert "pass_phrase" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("samples = " + "1" * 5000, "thousands of digits", id="decimal"),
        pytest.param("target = 0x" + "f" * 5000, "a number of 20000 bits", id="hexadecimal"),
        pytest.param("target = [0x" + "f" * 5000 + "]", "20000 bits", id="in-a-list"),
        pytest.param("target" + ".a" * 20_000 + " = 1", "at most 200", id="endless-key"),
        pytest.param("x = " + "[" * 30_000, "levels of nesting", id="lists"),
        pytest.param(
            "\n".join(f"target{'.a' * 100}.b{i} = 1" for i in range(100)),
            "a table",
            id="deep-table",
        ),
    ],
)
def test_hostile_files_are_problems_of_their_own(
    settings_of: SettingsOf, write: Write, text: str, words: str
) -> None:
    """Whatever a folder file holds, it is told as a problem: another error ends the daemon."""
    write("models/.tflited.toml", text)
    with pytest.raises(ConfigurationError, match=words):
        resolve(settings_of(""))


def test_a_value_nested_deeper_than_python_follows(settings_of: SettingsOf) -> None:
    """A trigger's override may come from JSON of any depth; refusing it must not recurse."""
    deep: dict[str, Any] = {}
    for _ in range(50_000):
        deep = {"a": deep}
    with pytest.raises(TriggerRefusedError, match="levels of nesting"):
        ask(settings_of(""), trigger(target=deep))


def test_dots_in_a_comment_are_harmless(settings_of: SettingsOf, write: Write) -> None:
    """A ruler of dots is no endless key."""
    write("models/.tflited.toml", "# " + "." * 300 + '\ntarget = "gpu"\n')
    assert resolve(settings_of("")).policy.target == "gpu"


def test_a_file_of_rubbish_is_cut_short(settings_of: SettingsOf, write: Write) -> None:
    """Problems stand in every status: thousands of them are counted, not told."""
    write("models/.tflited.toml", "\n".join(f"k{i} = 1" for i in range(60)))
    with pytest.raises(ConfigurationError) as refused:
        resolve(settings_of(""))
    assert len(refused.value.problems) == 51
    assert refused.value.problems[-1].observed == "10 more problems"


@pytest.mark.parametrize("text", ['"a\\n\\u001b[31m" = 1', 'target = "\u009b31m\u202e"'])
def test_control_characters_are_escaped(settings_of: SettingsOf, write: Write, text: str) -> None:
    """A file cannot write on the terminal or add lines to the log of who reads its problems."""
    write("models/.tflited.toml", text)
    with pytest.raises(ConfigurationError) as refused:
        resolve(settings_of(""))
    assert all(sign.isprintable() for problem in refused.value.problems for sign in str(problem))


def test_folder_globs_are_relative_to_their_file(
    settings_of: SettingsOf, write: Write, tmp_path: Path
) -> None:
    """The folder that names data is where the data is looked for."""
    write("models/.tflited.toml", '[calibration]\ndata = "cal/*.npz"\nsamples = 7\n')
    expected = Calibration(data=f"{tmp_path}/models/cal/*.npz", samples=7)
    assert resolve(settings_of("")).policy.calibration == expected


def test_main_file_globs_may_point_anywhere(settings_of: SettingsOf, tmp_path: Path) -> None:
    """The operator's own file is trusted; relative globs start at its folder."""
    settings = settings_of('[policy.default]\nevaluation.data = "../eval/*.npz"\n')
    assert resolve(settings).policy.evaluation.data == f"{tmp_path.parent}/eval/*.npz"


def test_a_folder_name_with_wildcards_is_literal(
    settings_of: SettingsOf, write: Write, tmp_path: Path
) -> None:
    """Brackets in a folder's name do not become part of the pattern."""
    write("models/v[2]/.tflited.toml", '[calibration]\ndata = "*.npz"\n')
    calibration = resolve(settings_of(""), "v[2]/net.keras").policy.calibration
    assert calibration == Calibration(data=f"{tmp_path}/models/v[[]2]/*.npz")


@pytest.mark.parametrize("data", ["../../x/*.npz", "/etc/*", "a/../../../b", "*/../../../x"])
def test_folder_globs_stay_inside_the_roots(
    settings_of: SettingsOf, write: Write, data: str
) -> None:
    """A folder policy cannot make the daemon read files of others."""
    write("models/vision/.tflited.toml", f'[calibration]\ndata = "{data}"\n')
    with pytest.raises(ConfigurationError, match="inside a root"):
        resolve(settings_of(""))


def test_folder_globs_do_not_leave_by_a_link(
    settings_of: SettingsOf, write: Write, tmp_path: Path
) -> None:
    """A link to the outside is followed before it is trusted."""
    write("models/.tflited.toml", '[calibration]\ndata = "link/*.npz"\n')
    (tmp_path / "models/link").symlink_to("/etc")
    with pytest.raises(ConfigurationError, match="inside a root"):
        resolve(settings_of(""))


def test_an_empty_glob_switches_calibration_off(settings_of: SettingsOf, write: Write) -> None:
    """A nearer file can take inherited data away."""
    write("models/.tflited.toml", '[calibration]\ndata = "*.npz"\n')
    write("models/vision/.tflited.toml", '[calibration]\ndata = ""\n')
    assert resolve(settings_of("")).policy.calibration is None


def test_older_names(settings_of: SettingsOf, write: Write) -> None:
    """The two optimisation goals are one variant of today, listed once."""
    write("models/.tflited.toml", 'variants = ["OPTIMIZE_FOR_SIZE", "OPTIMIZE_FOR_LATENCY"]\n')
    assert resolve(settings_of("")).policy.variants == (Variant.DYNAMIC_RANGE,)


def test_default_depends_on_merged_calibration(settings_of: SettingsOf, write: Write) -> None:
    """DEFAULT is decided after the merge: another file may bring the data."""
    write("models/.tflited.toml", 'variants = ["DEFAULT"]\n')
    settings = settings_of("")
    assert resolve(settings).policy.variants == (Variant.DYNAMIC_RANGE,)
    write("models/vision/.tflited.toml", 'calibration.data = "*.npz"\n')
    assert resolve(settings).policy.variants == (Variant.INT8_FLOAT_FALLBACK,)


@pytest.mark.parametrize(
    ("names", "note"),
    [
        ('"OPTIMIZE_FOR_SIZE", "int8"', "OPTIMIZE_FOR_SIZE means dynamic_range"),
        ('"DEFAULT"', "DEFAULT means dynamic_range; calibration data is not named"),
    ],
)
def test_older_names_stay_visible(
    settings_of: SettingsOf, write: Write, names: str, note: str
) -> None:
    """Whoever wrote an older name is told what it was read as."""
    file = write("models/.tflited.toml", f"variants = [{names}]\n")
    assert resolve(settings_of("")).origins["variants"] == f"{file} ({note})"


@pytest.mark.parametrize(
    ("io_type", "variants", "is_right"),
    [
        ("int8", ["float32", "dynamic_range"], False),
        ("uint8", ["float32", "int16x8"], False),
        ("int16", ["int8"], False),
        ("int8", ["float32", "int8"], True),
        ("uint8", ["int8_float_fallback"], True),
        ("int16", ["int16x8"], True),
        ("float32", ["float32"], True),
    ],
)
def test_integer_inputs_need_a_variant_that_has_them(
    settings_of: SettingsOf, write: Write, io_type: str, variants: list[str], is_right: bool
) -> None:
    """A type that no variant asked for could have is a mistake in the place that set it."""
    write("models/.tflited.toml", f"variants = {variants}\n")
    file = write("models/vision/.tflited.toml", f'output_type = "{io_type}"\n')
    if is_right:
        assert resolve(settings_of("")).policy.output_type == io_type
        return
    with pytest.raises(ConfigurationError) as refused:
        resolve(settings_of(""))
    assert [(p.file, p.key) for p in refused.value.problems] == [(str(file), "output_type")]


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ({"concrete_function": True, "signatures": ["a", "b"]}, "concrete_function"),
        ({"quantiser": "tf_converter", "mixed": [{"form": "float32"}]}, "mixed"),
    ],
)
def test_keys_that_cannot_both_hold_are_refused(
    settings_of: SettingsOf, override: dict[str, Any], key: str
) -> None:
    """One function is traced, and TensorFlow's converter knows no rules by operator."""
    with pytest.raises(TriggerRefusedError, match=rf"trigger t-1: {key}"):
        ask(settings_of(""), trigger(**override))


def test_mixed_rules_reach_the_policy_in_their_order(settings_of: SettingsOf) -> None:
    """Later rules win in the quantiser, so that their order is part of what they say."""
    rules = [{"form": "float32", "operator": "SOFTMAX"}, {"form": "int16x8", "scope": "head/.*"}]
    policy = ask(settings_of(""), trigger(mixed=rules)).policy
    assert policy.mixed == (
        MixedRule(form=Variant.FLOAT32, operator="SOFTMAX"),
        MixedRule(form=Variant.INT16X8, scope="head/.*"),
    )
    assert decode_policy(encode_policy(policy)) == policy


@pytest.mark.parametrize(
    "rule",
    [
        {"form": "int9"},
        {"form": "auto"},
        {"form": "int8", "scope": "("},
        {"form": "int8", "operator": "conv"},
        {},
    ],
)
def test_a_wrong_mixed_rule_is_refused(settings_of: SettingsOf, rule: dict[str, Any]) -> None:
    """Its form, its regular expression and its operator are looked at before any model is."""
    with pytest.raises(TriggerRefusedError, match=r"policy\.override\.mixed\[0\]"):
        ask(settings_of(""), trigger(mixed=[rule]))


def test_pruning_merges_key_by_key(settings_of: SettingsOf, write: Write) -> None:
    """A folder lowers the share and keeps the rest; its table of kinds stands in whole."""
    settings = settings_of(
        "[policy.default.prune]\nsparsity = 0.8\nmin_elements = 64\n"
        "by_kind = {depthwise = 0.2, conv = 0.4}\n"
    )
    assert resolve(settings).policy.prune.share(LayerKind.DEPTHWISE) == 0.2
    write("models/.tflited.toml", "[prune]\nsparsity = 0.5\n[prune.by_kind]\nconv = 0.1\n")
    resolved = resolve(settings)
    assert resolved.policy.prune == Prune(
        sparsity=0.5, by_kind={LayerKind.CONV: 0.1}, min_elements=64
    )
    assert decode_policy(encode_policy(resolved.policy)) == resolved.policy
    assert resolved.origins["prune.by_kind"].endswith(".tflited.toml")


@pytest.mark.parametrize("target", ["micro", "edgetpu", "gpu"])
def test_a_sparse_encoding_that_the_target_misreads_is_refused(
    settings_of: SettingsOf, target: str
) -> None:
    """On a micro-controller it would compute garbage without an error."""
    table = '[policy.default.prune]\nsparsity = 0.5\nencoding = "sparse"\n'
    assert resolve(settings_of(table)).policy.prune.is_on
    with pytest.raises(ConfigurationError, match=r"prune\.encoding.*target"):
        resolve(settings_of(f'[policy.default]\ntarget = "{target}"\n{table}'))


def test_an_encoding_without_zeros_is_refused(settings_of: SettingsOf, write: Write) -> None:
    """It would do nothing and say nothing; a folder that prunes nothing is no mistake."""
    with pytest.raises(ConfigurationError, match="without anything to prune"):
        resolve(settings_of('[policy.default.prune]\nencoding = "sparse"\n'))
    settings = settings_of('[policy.default.prune]\nsparsity = 0.5\nencoding = "sparse"\n')
    write("models/.tflited.toml", "[prune]\nsparsity = 0.0\n")
    assert not resolve(settings).policy.prune.is_on


@pytest.mark.parametrize("key", ["max_drop = 0.1", 'output = "digit"'])
def test_a_budget_that_nothing_measures_is_refused(settings_of: SettingsOf, key: str) -> None:
    """Whoever writes max_drop without a metric believes that accuracy is judged."""
    with pytest.raises(ConfigurationError, match=r"only beside evaluation\.metric: top1"):
        resolve(settings_of(f"[policy.default.evaluation]\n{key}\n"))


def test_a_folder_may_switch_a_metric_off(settings_of: SettingsOf, write: Write) -> None:
    """An empty metric judges nothing; the budget that the main file set for it stays harmless."""
    settings = settings_of('[policy.default.evaluation]\nmetric = "mae"\nmax_drop = 0.5\n')
    assert resolve(settings).policy.evaluation.metric is Metric.MAE
    write("models/.tflited.toml", '[evaluation]\nmetric = ""\n')
    assert resolve(settings).policy.evaluation.metric is None


def test_a_trigger_that_contradicts_itself_is_refused(settings_of: SettingsOf) -> None:
    """The override is at fault, not a file."""
    with pytest.raises(TriggerRefusedError, match="trigger t-1: input_type"):
        ask(settings_of(""), trigger(input_type="int8"))


def test_auto_may_have_integer_edges(settings_of: SettingsOf) -> None:
    """What it chooses among is then what can have them."""
    override = {"variants": ["auto"], "input_type": "uint8", "auto": {"max_trials": 5}}
    policy = ask(settings_of(""), trigger(**override)).policy
    assert policy.variants == (Variant.AUTO,)
    assert policy.auto.max_trials == 5


def test_models_of_a_folder_share_one_policy(settings_of: SettingsOf, write: Write) -> None:
    """Thousands of models cost one merge; an edit and a sibling folder get their own."""
    write("models/vision/.tflited.toml", 'target = "gpu"\n')
    loaded = settings_of("")
    policies, root = FolderPolicies(loaded), loaded.roots[0]
    before = policies.resolve(root, "vision/a.keras")
    assert policies.resolve(root, "vision/deep/b.keras") is before
    assert policies.resolve(root, "sound/c.keras").policy.target == "cpu"
    write("models/vision/.tflited.toml", 'target = "micro"\n')
    assert policies.resolve(root, "vision/a.keras").policy.target == "micro"


def test_merged_policies_are_bounded(
    settings_of: SettingsOf, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits over years do not fill the memory."""
    monkeypatch.setattr("tflited.settings.resolve._MOST_MERGED", 3)
    loaded = settings_of("")
    policies = FolderPolicies(loaded)
    for count in range(8):
        write("models/.tflited.toml", f"calibration.samples = {count + 1}\n")
        policies.resolve(loaded.roots[0], "x")
    assert len(policies._merged) <= 3


def test_input_shapes(settings_of: SettingsOf, write: Write) -> None:
    """A list is the only input's shape; a nearer table replaces it as a whole."""
    write("models/.tflited.toml", "input_shape = [1, 2]\n")
    settings = settings_of("")
    assert resolve(settings).policy.input_shape == {"": (1, 2)}
    write("models/vision/.tflited.toml", "input_shape = {a = [1], b = [2]}\n")
    assert resolve(settings).policy.input_shape == {"a": (1,), "b": (2,)}


def test_a_trigger_lies_on_top(settings_of: SettingsOf, write: Write) -> None:
    """Folder below named policy below override, each key with its origin."""
    file = write("models/.tflited.toml", 'target = "gpu"\non_reject = "hold"\ntags = ["t"]\n')
    settings = settings_of('[policy.a]\ntarget = "micro"\non_reject = "omit"\n')
    resolved = ask(settings, trigger("a", target="edgetpu", c_array={"enabled": False}))
    assert (resolved.name, resolved.policy.target, resolved.policy.on_reject) == (
        "a",
        "edgetpu",
        "omit",
    )
    assert resolved.origins["target"] == resolved.origins["c_array.enabled"] == "trigger t-1"
    assert resolved.origins["on_reject"] == f"{settings.source} [policy.a]"
    assert resolved.origins["tags"] == str(file)


def test_a_wrong_trigger_is_refused_with_everything(settings_of: SettingsOf) -> None:
    """Unknown policy and wrong keys are told together."""
    settings = settings_of("[policy.mobile]\n")
    with pytest.raises(TriggerRefusedError) as refused:
        ask(settings, trigger("mobil", variants=["int9"], targt="cpu"))
    for text in ("'mobile'", "policy.override.variants[0]", "'target'"):
        assert text in str(refused.value)


@pytest.mark.parametrize(
    "override",
    [{"hooks": {"failed": ["rm"]}}, {"calibration": {"data": "/etc/*"}}, {"target": None}],
)
def test_a_trigger_gets_no_more_rights_than_a_folder(
    settings_of: SettingsOf, override: dict[str, Any]
) -> None:
    """No hooks, no data from outside the roots, no nulls."""
    with pytest.raises(TriggerRefusedError):
        ask(settings_of(""), trigger(**override))


def test_a_triggers_globs_are_relative_to_the_root(settings_of: SettingsOf, tmp_path: Path) -> None:
    """A trigger has no folder of its own."""
    policy = ask(settings_of(""), trigger(calibration={"data": "cal/*"})).policy
    assert policy.calibration == Calibration(data=f"{tmp_path}/models/cal/*")


def test_a_broken_folder_is_not_the_triggers_fault(settings_of: SettingsOf, write: Write) -> None:
    """Wrong files keep their own error, so that the operator looks in the right place."""
    write("models/.tflited.toml", "x = 1\n")
    with pytest.raises(ConfigurationError):
        ask(settings_of(""), trigger())


def test_two_spellings_of_one_policy_have_one_digest(write: Write, tmp_path: Path) -> None:
    """Where a key comes from does not change the build key."""
    named = load(path=write("a.toml", '[[root]]\npath = "a"\n[policy.default]\ntarget = "cpu"\n'))
    assert resolve(named).policy.digest == resolve(load(directory=tmp_path)).policy.digest


_WORDS = ["target", "variants", "calibration", "data", "hooks", "a b", ""]
_KEYS = st.sampled_from(_WORDS) | st.text(max_size=4)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["int8", "../x", "https://a:b@c/d?e"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_POLICY_KEYS = st.sampled_from([field.name for field in fields(Policy)])


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(override=st.dictionaries(_KEYS | _POLICY_KEYS, _VALUES, max_size=5))
def test_any_override_gives_a_policy_or_a_refusal(tmp_path: Path, override: dict[str, Any]) -> None:
    """Whatever JSON a trigger holds, no other error leaves the resolver."""
    loaded = load(directory=tmp_path)
    origins = {"built-in"}
    with suppress(TriggerRefusedError):
        origins |= set(ask(loaded, trigger(**override)).origins.values())
    assert origins <= {"built-in", "trigger t-1"}
