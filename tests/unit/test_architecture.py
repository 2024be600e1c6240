"""Rules about the code as text that neither ruff nor mypy nor import-linter can hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "daemon" / "tflited"
MAX_LINES = 400
MAX_FUNCTION_LINES = 50
BANNED_NAMES = frozenset({"utils", "util", "helpers", "common", "manager", "misc"})
HEAVY = frozenset(
    {
        "ai_edge_litert",
        "ai_edge_quantizer",
        "h5py",
        "keras",
        "tensorflow",
        "tensorflow_hub",
        "tf_keras",
        "tflite_micro",
    }
)
# Who may write a file without durable.write, and why that loses nothing.
WRITERS = {
    "durable.py": "the one durable way itself",
    "convert/": "writes only its scratch folder; the parent syncs what it takes over",
    "content.py": "private copies, made again after a crash",
    "store/salvage.py": "a copy of a damaged store, of no use after a crash",
    "telemetry/journal.py": "a memory file, which the journal reads",
    "workers/": "a child's noise and scratch, of no use after a crash",
}
# Who may rename without durable.write, and what makes that safe.
RENAMERS = {
    "durable.py": "the one durable way itself",
    "convert/hub/place.py": "swaps whole synced folders, then syncs the one above them",
    "output/rename.py": "moves whole synced sets, and links to them, then syncs both folders",
    "store/repair.py": "moves whole synced files, then syncs their folder; a note leads on",
    "workers/transfer/cache.py": "a cache; whatever is there is verified on each use",
    "workers/cluster/executor.py": "a delivered set into its scratch folder, lost by a crash",
    "triggers/spool.py": "moves whole synced documents, then syncs both folders",
}
# Who may swallow an error that nobody named, and what becomes of it.
BORDERS = {
    "engine/engine.py": "the tick: logged, costs one message, stops the watchdog if it lasts",
    "cli/__init__.py": "one line for the user instead of a traceback",
    "triggers/broker/sessions.py": "a connection: told once with its reason, then made anew",
    "workers/child.py": "a reply to the parent",
    "workers/cluster/follow.py": "an attempt elsewhere: its outcome tells it",
    "workers/cluster/link.py": "a connection: told once with its reason, then made anew",
    "workers/zygote.py": "the child's exit code; nothing may return into the loop above",
}
# Modules that no test imports and no test file is named after, and what tests them instead.
TESTED_THROUGH = {
    "convert": "the builds of tests/integration/convert, in real tensorflow",
    "domain/publication": "tests/contract/test_publisher.py and tests/unit/output",
    "domain/download": "tests/unit/output/test_reading.py and tests/integration/web",
    "domain/control": "tests/fakes and the engine, both of which implement it",
    "output/errors": "tests/unit/output/test_tree.py",
    "output/shelf": "tests/unit/output/test_tree.py",
    "settings/folder_file": "tests/unit/settings/test_resolve.py",
    "settings/problems": "tests/unit/settings/test_load.py and test_resolve.py",
    "sources/coverage": "tests/integration/sources, under real limits and mounts",
    "sources/look": "tests/unit/sources/test_root_watch.py",
    "sources/rest": "tests/unit/sources/test_root_watch.py",
    "sources/root_state": "tests/unit/sources/test_watch.py",
    "sources/teller": "tests/unit/sources/test_root_watch.py",
    "web/attempts": "tests/integration/web/test_api.py, over HTTP",
    "web/found": "tests/integration/web/test_api.py, over HTTP",
    "pages/form_style": "tests/integration/page/test_convert.py, by axe in a real browser",
    "web/convert": "tests/integration/web/test_convert.py and tests/integration/page",
    "domain/upload": "tests/unit/sources/uploads, which implements it",
    "pages/upload_page": "tests/integration/page/test_upload.py, in a real browser",
    "sources/uploads/child": "tests/unit/sources/uploads/test_desk.py, in its own process",
    "sources/uploads/content": "tests/unit/sources/uploads/test_desk.py",
    "sources/uploads/unpacking": "tests/unit/sources/uploads/test_desk.py",
    "web/parts": "tests/integration/web/test_uploads.py, over HTTP",
    "web/taken_along": "tests/integration/page/test_convert.py, in a real browser",
    "web/doors": "tests/integration/web/test_convert.py, over HTTP",
    "web/listeners": "tests/integration/web/test_server.py, on real sockets",
    "web/overview": "tests/integration/page, in a real browser, as the other pages",
    "web/model_pages": "tests/integration/page",
    "web/job_pages": "tests/integration/page",
    "web/why_page": "tests/integration/page and tests/integration/web/test_why.py",
    "triggers/broker/mqtt_link": "tests/integration/triggers, on real brokers, as the other links",
    "triggers/broker/nats_link": "tests/integration/triggers",
    "triggers/broker/rabbit_link": "tests/integration/triggers",
    "triggers/broker/redis_link": "tests/integration/triggers",
    "triggers/broker/handler": "tests/integration/triggers",
    "triggers/broker/links": "tests/integration/triggers",
    "triggers/broker/sessions": "tests/integration/triggers",
    "workers": "tests/unit/workers/test_local.py, in real children",
}
REGISTRY_HOST = re.compile(
    r"\b(?:[a-z0-9-]+\.)*(?:artifactory|nexus|jfrog|devpi)[a-z0-9.-]*\.[a-z]{2,}"
    r"|--(?:extra-)?index-url",
    re.IGNORECASE,
)
MACHINE_PATH = re.compile(r"/(?:work|home/[a-z]+|Users/[A-Za-z]+|root|tmp/w)/")


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def modules_of_tests() -> list[Path]:
    """Every Python file of the tests."""
    return sorted((CHECKOUT / "tests").rglob("*.py"))


def committed_text() -> Iterator[Path]:
    """Every text file a reader of the project sees, the locks included."""
    for folder in (
        "daemon",
        "tests",
        "examples",
        "benchmarks",
        "docs",
        "requirements",
        "config",
        "systemd",
        ".ci",
    ):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            inside = path.relative_to(CHECKOUT / folder).parts
            is_cache = any(part.startswith((".", "__pycache__")) for part in inside)
            if path.is_file() and not is_cache and path != Path(__file__):
                yield path
    yield from (CHECKOUT / name for name in ("Makefile", "README.md", "pyproject.toml"))


def below(path: Path) -> str:
    """The path inside the package."""
    return path.relative_to(PACKAGE).as_posix()


def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> set[str]:
    """Full names of everything a file imports, wherever in the file; members count as modules."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def libraries(path: Path) -> set[str]:
    """Top-level names of everything a file imports."""
    return {name.partition(".")[0] for name in imported(path)}


def writes(path: Path) -> list[int]:
    """Lines that open or write a file for writing in Python's own words."""
    return [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and is_write(node)
    ]


def is_write(call: ast.Call) -> bool:
    """Whether a call is ``write_text``, ``write_bytes`` or an ``open`` with a writing mode."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in {"write_text", "write_bytes"}:
        return True
    if name not in {"open", "fdopen"}:
        return False
    words = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [
        word.value
        for word in words
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    ]
    return any(re.fullmatch(r"[rwaxbt+]+", mode) and set("wax+") & set(mode) for mode in modes)


@pytest.mark.parametrize("path", sources(), ids=below)
def test_modules_stay_short(path: Path) -> None:
    """A module above the limit holds more than one idea."""
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", sources(), ids=below)
def test_functions_stay_short(path: Path) -> None:
    """A function fits on one screen."""
    long = [
        f"{node.name}:{node.lineno}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long


def test_every_file_says_why_it_exists() -> None:
    """The first line of a module or a test module tells what it owns."""
    silent = [
        path for path in [*sources(), *modules_of_tests()] if not ast.get_docstring(tree(path))
    ]
    assert not silent


def test_module_names_are_nouns_of_the_subject() -> None:
    """Names that say nothing collect everything."""
    assert not [path for path in sources() if {path.stem, path.parent.name} & BANNED_NAMES]


def test_only_waiting_sleeps_in_tests() -> None:
    """A sleep is either too short or too long; waiting.wait_until is neither."""
    sleepers = [
        path
        for path in modules_of_tests()
        if path.name != "waiting.py"
        and any(
            isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
            for node in ast.walk(tree(path))
        )
    ]
    assert not sleepers


def test_files_are_written_through_durable() -> None:
    """A rename without fsync loses data; whoever may write otherwise is listed with the reason."""
    others = {
        below(path): lines
        for path in sources()
        if not below(path).startswith(tuple(WRITERS)) and (lines := writes(path))
    }
    assert not others


def test_files_are_renamed_through_durable() -> None:
    """A rename that nothing syncs may be undone by a power cut."""
    others = {
        below(path): node.lineno
        for path in sources()
        if below(path) not in RENAMERS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"rename", "renames"}
    }
    assert not others


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("path.write_text('x')", True),
        ("open(path, 'wb')", True),
        ("path.open(mode='a')", True),
        ("path.open('r+b')", True),
        ("open(path)", False),
        ("path.open('rb')", False),
    ],
)
def test_the_write_rule_sees_a_write(code: str, expected: bool) -> None:
    """The rule above can fail: it knows every way to write from every way to read."""
    (call,) = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert is_write(call) is expected


def test_only_borders_swallow_every_error() -> None:
    """A catch-all that does not raise again hides faults; each border is listed with its answer."""
    others = {
        below(path): node.lineno
        for path in sources()
        if below(path) not in BORDERS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not isinstance(node.body[-1], ast.Raise)
    }
    assert not others


def test_every_module_is_tested() -> None:
    """A module has a test file of its name, or a test imports it, or it is told what tests it."""
    used = set[str]().union(*(imported(path) for path in modules_of_tests()))
    untested = []
    for path in sources():
        module = path.relative_to(PACKAGE).with_suffix("")
        own = CHECKOUT / "tests" / "unit" / module.parent / f"test_{module.name.strip('_')}.py"
        is_tested = own.is_file() or ".".join(("tflited", *module.parts)) in used
        told = {module.as_posix(), module.parts[0]} & set(TESTED_THROUGH)
        if module.name != "__init__" and not is_tested and not told:
            untested.append(module.as_posix())
    assert not untested


def test_unit_tests_mirror_the_package() -> None:
    """Whoever knows a module finds its tests: the folders below tests/unit are the package's."""
    folders = {path.parent for path in (CHECKOUT / "tests" / "unit").rglob("*.py")}
    strangers = [
        folder
        for folder in folders
        if not (PACKAGE / folder.relative_to(CHECKOUT / "tests" / "unit")).is_dir()
    ]
    assert not strangers


def test_only_convert_imports_tensorflow() -> None:
    """The supervisor stays small: also a late import inside a function counts."""
    others = {
        below(path): heavy
        for path in sources()
        if not below(path).startswith("convert/") and (heavy := libraries(path) & HEAVY)
    }
    assert not others


def test_no_private_registry_is_named() -> None:
    """The locks install from whatever index the reader's pip is set to."""
    named = [
        path
        for path in committed_text()
        if REGISTRY_HOST.search(path.read_text("utf-8", "replace"))
    ]
    assert not named


def test_no_path_of_a_machine_is_named() -> None:
    """What works in one checkout only does not belong in the project."""
    named = [
        path for path in committed_text() if MACHINE_PATH.search(path.read_text("utf-8", "replace"))
    ]
    assert not named


def test_ci_brings_every_program_that_a_test_needs() -> None:
    """On CI a missing program is a failure, so the script must know them all."""
    needed: set[str] = set()
    for path in modules_of_tests():
        text = path.read_text("utf-8")
        needed |= set(re.findall(r"(?:requires|find)_program\(\s*\"([^\"]+)\", \"apt-get", text))
    script = (CHECKOUT / ".ci" / "run").read_text("utf-8")
    brought = set(re.findall(r"^  \"(\S+) \S+\"$", script, re.MULTILINE))
    assert needed
    assert needed <= brought
