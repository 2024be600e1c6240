"""What keys of the main file must be to each other, also where others are wrong."""

import tomllib
from pathlib import Path

from tflited.errors import Problem
from tflited.settings.cross_checks import cross_problems


def crossed(text: str, base: Path = Path("/srv")) -> dict[str, Problem]:
    problems = cross_problems(tomllib.loads(text), base=base, source="tflited.toml")
    return {problem.key: problem for problem in problems}


def test_a_sound_file_has_no_problem() -> None:
    """Names, places and policies that fit are left alone."""
    text = '[[root]]\npath = "a"\npolicy = "m"\n[[root]]\npath = "b"\n[policy.m]\n'
    assert crossed(text) == {}


def test_other_mistakes_hide_nothing() -> None:
    """A file with errors of its own still tells those between its keys: one round is enough."""
    text = (
        '[daemon]\noutput = "a/out"\nsettle_seconds = "x"\nwrong = 1\n'
        '[[root]]\npath = "a"\nwrong = 1\npolicy = "nope"\n[[root]]\npath = 3\n'
        '[[root]]\npath = "a/b"\n'
    )
    assert set(crossed(text)) == {"root[0].path", "root[0].policy", "root[2].path"}


def test_roots_keep_their_place_in_the_file() -> None:
    """A root that cannot be understood does not shift the number of the next."""
    text = '[[root]]\npath = 3\n[[root]]\npath = "/a/m"\n[[root]]\npath = "/b/m"\n'
    assert set(crossed(text)) == {"root[2].name"}


def test_files_of_another_shape_are_left_to_the_schema() -> None:
    """Tables in the place of lists and the other way round are no concern here."""
    assert crossed("daemon = 1\nhttp = []\nroot = {}\npolicy = 3\n") == {}


def test_the_name_of_the_defaults_is_reserved() -> None:
    """A policy called built-in would be taken for the defaults and never hold."""
    text = '[[root]]\npath = "a"\npolicy = "built-in"\n[policy.built-in]\n'
    assert "another name" in crossed(text)["policy.built-in"].allowed


def test_output_and_state_lie_beside_each_other() -> None:
    """The default of one is compared with what is given for the other."""
    assert "daemon.output" in crossed('[daemon]\nstate = "output/s"\n')["daemon.state"].allowed


def test_the_default_socket_is_measured_too() -> None:
    """A state folder whose path is too long for its socket is told before bind fails."""
    text = f'[daemon]\nstate = "/{"s" * 100}"\n'
    assert "107" in crossed(text)["http.socket"].allowed


def test_the_hub_cache_is_no_tree_that_is_searched() -> None:
    """Inside the state folder it is fine; a root would build what is in it."""
    text = '[hub]\ncache = "{}"\n[[root]]\npath = "a"\n'
    assert crossed(text.format("state/modules")) == {}
    assert set(crossed(text.format("a/modules"))) == {"hub.cache"}
    assert set(crossed(text.format("output/modules"))) == {"hub.cache"}


def test_the_own_roots_name_is_reserved() -> None:
    """Two roots of one name would publish to one place."""
    problem = crossed('[[root]]\npath = "hub"\n')["root[0].name"]
    assert "triggers" in problem.allowed


TOKEN = '[[http.token]]\nname = "a"\nfile = "a"\n'


def test_another_address_needs_a_token() -> None:
    """Loopback does not; nor may reading need one where there is none."""
    listen = '[http]\nlisten = "192.0.2.1:80"\n'
    assert "[[http.token]]" in crossed(listen)["http.listen"].allowed
    assert crossed(listen + TOKEN) == {}
    assert "http.require_token_for_reading" in crossed("[http]\nrequire_token_for_reading = true\n")


def test_tokens_have_names_of_their_own() -> None:
    """Limits and messages go by the name."""
    assert "http.token[1].name" in crossed(TOKEN + TOKEN)


def test_uploads_land_in_a_root_that_there_is() -> None:
    """The nearest name is suggested."""
    root = '[[root]]\npath = "models"\n'
    problem = crossed(f'{root}[http.uploads]\nroot = "modles"\n')["http.uploads.root"]
    assert problem.suggestion == "models"
    assert not crossed(f'{root}[http.uploads]\nroot = "models"\n')
