"""Loading the main file: defaults, paths, and everything wrong told at once."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.domain.access import Scope
from tflited.domain.hub import HubLimits
from tflited.domain.ports import Root
from tflited.errors import ConfigurationError, Problem
from tflited.settings.load import load
from tflited.settings.model import Settings

ROOT = '[[root]]\nname = "models"\npath = "models"\n'
Problems = Callable[[str], dict[str, Problem]]
SettingsOf = Callable[[str], Settings]


def test_without_a_file_the_present_directory_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built-in configuration watches models below the present directory."""
    monkeypatch.chdir(tmp_path)
    assert load().roots == (Root(name="models", path=tmp_path / "models"),)


def test_built_in_paths_follow_the_directory(tmp_path: Path) -> None:
    """Output, state and socket lie below the given directory."""
    settings = load(directory=tmp_path)
    assert (settings.output, settings.state) == (tmp_path / "output", tmp_path / "state")
    assert settings.socket == tmp_path / "state" / "tflited.sock"
    assert settings.source == "built-in"


def test_main_file_paths_are_relative_to_its_folder(
    settings_of: SettingsOf, tmp_path: Path
) -> None:
    """Where the daemon is started from does not matter."""
    settings = settings_of('[daemon]\noutput = "out/../published"\nstate = "/var/lib/x"\n')
    assert settings.output == tmp_path / "published"
    assert settings.state == Path("/var/lib/x")


@pytest.mark.parametrize(
    ("text", "workers"), [('workers = "auto"', 0), ("workers = 1", 1), ("workers = 64", 64)]
)
def test_workers(settings_of: SettingsOf, text: str, workers: int) -> None:
    """Auto is 0, for the daemon to decide."""
    assert settings_of(f"[daemon]\n{text}\n").workers == workers


@pytest.mark.parametrize("value", ["0", "65", "true", '"many"', "2.0"])
def test_wrong_workers(problems_of: Problems, value: str) -> None:
    """A number outside 1 to 64 and every other type is refused."""
    assert (
        "1 to 64" in problems_of(f"{ROOT}[daemon]\nworkers = {value}\n")["daemon.workers"].allowed
    )


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:80", ("localhost", 80)),
        ("[::1]:8571", ("::1", 8571)),
    ],
)
def test_listen(settings_of: SettingsOf, listen: str, expected: tuple[str, int]) -> None:
    """Loopback hosts with any port are taken apart."""
    settings = settings_of(f'[http]\nlisten = "{listen}"\n')
    assert (settings.http_host, settings.http_port) == expected


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:80", "192.168.1.2:80", "127.0.0.1", "127.0.0.1:65536", "a.example:80", ""]
)
def test_listen_is_loopback_only(problems_of: Problems, listen: str) -> None:
    """Without a token nothing but loopback is listened on."""
    assert "127.0.0.1" in problems_of(f'{ROOT}[http]\nlisten = "{listen}"\n')["http.listen"].allowed


def test_all_problems_at_once(problems_of: Problems) -> None:
    """One run of the daemon shows everything that is wrong in a file."""
    text = (
        '[daemon]\nwrokers = 3\nsettle_seconds = "long"\n[log]\nlevel = "inof"\n'
        '[[root]]\npath = 3\n[policy.a]\nvariants = ["int9"]\n'
    )
    assert set(problems_of(text)) == {
        "daemon.wrokers",
        "daemon.settle_seconds",
        "log.level",
        "root[0].path",
        "policy.a.variants[0]",
    }


def test_a_mistyped_key_is_answered_with_the_right_one(problems_of: Problems) -> None:
    """Unknown keys suggest the key of the same table that is closest."""
    problems = problems_of(f"{ROOT}[policy.a.c_array]\nenabld = true\n[daemon]\nwrokers = 1\n")
    assert problems["policy.a.c_array.enabld"].suggestion == "enabled"
    assert problems["daemon.wrokers"].suggestion == "workers"


def test_a_mistyped_value_is_answered_with_the_right_one(problems_of: Problems) -> None:
    """Closed sets suggest their closest member."""
    problem = problems_of(f'{ROOT}[log]\nlevel = "inof"\n')["log.level"]
    assert (problem.observed, problem.suggestion) == ('"inof"', "info")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('c_array.style = "cpp"', "c_array.style"),
    ],
)
def test_planned_keys_say_so(problems_of: Problems, text: str, key: str) -> None:
    """What a later version will know is refused with other words than a typing error."""
    problem = problems_of(f"{ROOT}[policy.a]\n{text}\n")[f"policy.a.{key}"]
    assert "not available in this version" in problem.allowed
    assert not problem.suggestion


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ('variants = ["int8"]\n', "variants", "policy.NAME.variants"),
        ("[hooks]\n", "hooks", "policy.NAME.hooks"),
        ("[policy.a]\nkeep_builds = 1\n", "policy.a.keep_builds", "policy.NAME.output.keep_builds"),
        ("[log]\nworkers = 1\n", "log.workers", "daemon.workers"),
    ],
)
def test_a_key_in_the_wrong_table(problems_of: Problems, text: str, key: str, place: str) -> None:
    """A key that only one table has is sent there."""
    assert problems_of(text + ROOT)[key].suggestion == place


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[daemon]\nstate = "~/state"\n', "daemon.state"),
        ('[policy.a.calibration]\ndata = "~"\n', "policy.a.calibration.data"),
    ],
)
def test_a_tilde_is_not_a_folder(problems_of: Problems, text: str, key: str) -> None:
    """Nobody means a folder called ~; shells expand it, this file does not."""
    assert "not expanded" in problems_of(ROOT + text)[key].allowed


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = = 2\n", "line 2"), ("a = 1\nb = [\n", "line 2")]
)
def test_syntax_errors_name_their_line(problems_of: Problems, text: str, line: str) -> None:
    """TOML that cannot be parsed is told with its line, also at the file's end."""
    (key,) = problems_of(text)
    assert key.startswith(line)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file in another encoding is told with its line."""
    file = tmp_path / "tflited.toml"
    file.write_bytes(b"# one\n# \xff\n")
    with pytest.raises(ConfigurationError, match="line 2: observed a byte"):
        load(path=file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which file is not there."""
    with pytest.raises(ConfigurationError, match=r"gone\.toml: .*no such file"):
        load(path=tmp_path / "gone.toml")


def test_a_root_is_required(problems_of: Problems) -> None:
    """A daemon without anything to watch is a mistake."""
    assert "root" in problems_of("[log]\n")


def test_root_name_is_the_paths_last_component(write: Callable[[str, str], Path]) -> None:
    """A root without a name is called like its folder."""
    settings = load(path=write("m.toml", '[[root]]\npath = "/srv/vision"\n'))
    assert settings.roots[0].name == "vision"


def test_a_path_that_makes_no_name(problems_of: Problems) -> None:
    """A folder name that is no slug needs a name beside it."""
    assert "name =" in problems_of('[[root]]\npath = "/srv/my models"\n')["root[0].name"].allowed


def test_duplicate_root_names(problems_of: Problems) -> None:
    """Two roots may not share a place in the output."""
    text = '[[root]]\npath = "/a/models"\n[[root]]\npath = "/b/models"\n'
    assert "models" in problems_of(text)["root[1].name"].observed


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[daemon]\noutput = "models/out"\n', "root[0].path"),
        ('[daemon]\nstate = "models"\n', "root[0].path"),
        ('[daemon]\noutput = "."\n', "root[0].path"),
        ('[daemon]\nstate = "output/state"\n', "daemon.state"),
        ('[[root]]\nname = "inner"\npath = "models/inner"\n', "root[1].path"),
        ('[[root]]\nname = "again"\npath = "x/../models"\n', "root[1].path"),
    ],
)
def test_trees_do_not_hold_each_other(problems_of: Problems, text: str, key: str) -> None:
    """Output, state and roots lie beside each other."""
    assert "neither inside nor around" in problems_of(ROOT + text)[key].allowed


def test_trees_are_compared_behind_links(problems_of: Problems, tmp_path: Path) -> None:
    """A link from the output into a root is seen."""
    (tmp_path / "models").mkdir()
    (tmp_path / "output").symlink_to("models")
    assert "root[0].path" in problems_of(ROOT)


@pytest.mark.requires_program("unshare", "apt-get install util-linux")
def test_trees_are_compared_behind_bind_mounts(tmp_path: Path) -> None:
    """The same folder under another path, which no link resolves, is known by its inode."""
    for name in ("models", "elsewhere"):
        (tmp_path / name).mkdir()
    main_file = tmp_path / "tflited.toml"
    main_file.write_text(f'[daemon]\noutput = "elsewhere/out"\n{ROOT}', encoding="utf-8")
    check = shlex.join([sys.executable, "-m", "tflited", "config", "check", "--config"])
    bind = shlex.join(["mount", "--bind", str(tmp_path / "models"), str(tmp_path / "elsewhere")])
    script = f"{bind} && {check} {shlex.quote(str(main_file))}"
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3, ended.stderr
    assert "neither inside nor around daemon.output" in ended.stderr + ended.stdout


def test_unknown_policy_of_a_root(problems_of: Problems) -> None:
    """The closest defined policy is suggested."""
    text = f'{ROOT}policy = "mobil"\n[policy.mobile]\n'
    assert problems_of(text)["root[0].policy"].suggestion == "mobile"


def test_a_socket_path_that_no_kernel_takes(problems_of: Problems) -> None:
    """A too long socket path is refused before bind fails."""
    assert "107" in problems_of(f'{ROOT}[http]\nsocket = "/{"x" * 107}"\n')["http.socket"].allowed


def test_hooks_are_allowed_in_the_main_file(settings_of: SettingsOf) -> None:
    """A program with arguments and an address are both hooks."""
    text = (
        '[policy.a.hooks]\npublished = ["notify", "{manifest}"]\nfailed = "https://ci.example/x"\n'
    )
    hooks = settings_of(text).policies["a"]["hooks"]
    assert hooks == {"published": ("notify", "{manifest}"), "failed": "https://ci.example/x"}


@pytest.mark.parametrize("value", ["3", '"notify"', '"file:///etc"', "[1]"])
def test_wrong_hooks(problems_of: Problems, value: str) -> None:
    """A shell line or another scheme is no hook."""
    problems = problems_of(f"{ROOT}[policy.a.hooks]\nfailed = {value}\n")
    assert "policy.a.hooks.failed" in problems


def test_credentials_of_a_wrong_hook_are_masked(problems_of: Problems) -> None:
    """The log does not learn the password of an address that is refused."""
    text = f'{ROOT}[policy.a.hooks]\nfailed = "ftp://user:s3cret@ci.example/x"\n'
    problem = problems_of(text)["policy.a.hooks.failed"]
    assert problem.observed == '"ftp://***@ci.example/x"'


@pytest.mark.parametrize("value", ["[]", "[0]", "[true]", '"x"', "{x = [1, -1]}", "{x = 3}"])
def test_wrong_input_shapes(problems_of: Problems, value: str) -> None:
    """A shape is made of whole numbers above 0."""
    assert "policy.a.input_shape" in problems_of(f"{ROOT}[policy.a]\ninput_shape = {value}\n")


@pytest.mark.parametrize(
    "text",
    [
        'require_proof = "yes"',
        "concrete_function = 1",
        'calibration.samples = "9"',
        "calibration.samples = 0",
        "evaluation.min_snr_db = nan",
        "evaluation.max_drop = -0.1",
        "evaluation.max_drop = inf",
        'evaluation.metric = "f1"',
        "evaluation.samples = 0",
        "evaluation.float32_tolerance = true",
        'c_array.symbol = "9lives"',
        'c_array.symbol = "{path}"',
        "c_array.section = 'x\")))'",
        "output.keep_builds = -1",
        "prune.sparsity = 1.0",
        "prune.sparsity = -0.1",
        "prune.sparsity = true",
        "prune.by_kind.dense = 1.5",
        "prune.by_kind.lstm = 0.5",
        "prune.min_elements = 0",
        'prune.encoding = "csr"',
        "variants = []",
        'variants = "int8"',
        'tags = [""]',
    ],
)
def test_wrong_policy_values(problems_of: Problems, text: str) -> None:
    """Types are not guessed and numbers keep to their ranges."""
    (problem,) = problems_of(f"{ROOT}[policy.a]\n{text}\n").values()
    assert problem.key.startswith(f"policy.a.{text.split(' ', maxsplit=1)[0]}")


def test_hub_settings(settings_of: Callable[[str], Settings]) -> None:
    """The cache lies in the state folder unless it is named."""
    plain = settings_of("").hub
    assert plain.cache.parts[-2:] == ("state", "hub")
    assert plain.refresh_seconds == 86_400.0
    assert plain.limits == HubLimits()
    named = settings_of('[hub]\nhosts = ["hub.example", "[::1]:80"]\ncache = "c"\nmost_files = 2\n')
    assert named.hub.cache.name == "c"
    assert named.hub.limits == HubLimits(hosts=("hub.example", "[::1]:80"), most_files=2)


@pytest.mark.parametrize("host", ["", "https://hub.example", "a b", "hub.example/x", "x:y", "[x]"])
def test_wrong_hub_hosts(problems_of: Problems, host: str) -> None:
    """A host is a name or an address, with a port or without."""
    assert "hub.hosts[0]" in problems_of(f'{ROOT}[hub]\nhosts = ["{host}"]\n')


def test_the_own_root_comes_last(settings_of: Callable[[str], Settings]) -> None:
    """References that came as triggers are models like any other."""
    settings = settings_of("")
    assert [root.name for root in settings.all_roots] == ["models", "hub"]
    assert settings.all_roots[-1].path == settings.state / "hub-references"


def test_tokens_and_their_rules(settings_of: SettingsOf, tmp_path: Path) -> None:
    """Files are relative to the main file; the secret is not read here."""
    rules = settings_of(
        '[http]\nhosts = ["a.example"]\n[[http.token]]\nname = "ci"\nfile = "ci"\n'
        'scopes = ["read", "write"]\n[[http.token]]\nname = "p"\ncredential = "p"\n'
    ).http
    assert rules.hosts == ("a.example",)
    assert [token.name for token in rules.tokens] == ["ci", "p"]
    assert rules.tokens[0].file is not None
    assert rules.tokens[0].file.is_absolute()
    assert (rules.tokens[1].credential, rules.tokens[1].scopes) == ("p", (Scope.READ,))


@pytest.mark.parametrize("place", ["", 'file = "a"\ncredential = "a"\n'])
def test_a_token_has_one_place(problems_of: Problems, place: str) -> None:
    """Neither none nor two."""
    problems = problems_of(f'{ROOT}[[http.token]]\nname = "a"\n{place}')
    assert any("either file or credential" in each.allowed for each in problems.values())


def test_the_sandbox_is_required_unless_a_root_says_off(
    settings_of: SettingsOf, problems_of: Problems
) -> None:
    """One root's word is its own, and there is no third."""
    settings = settings_of('sandbox = "off"\n[[root]]\npath = "more"\n')
    assert [root.sandbox.value for root in settings.roots] == ["off", "required"]
    problem = problems_of(f'{ROOT}sandbox = "some"\n')["root[0].sandbox"]
    assert "required" in problem.allowed
