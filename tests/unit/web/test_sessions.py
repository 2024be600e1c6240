"""Sessions: bounded in number and time, and known by nothing but their secret."""

from tflited.domain.access import Scope
from tflited.web.sessions import MOST_SESSIONS, SESSION_SECONDS, Sessions
from tflited.web.tokens import Token

TOKEN = Token(name="person", digest=b"", scopes=frozenset({Scope.WRITE}))


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_session_is_found_until_its_time_is_over() -> None:
    """Use does not prolong it."""
    clock = Clock()
    sessions = Sessions(clock)
    secret = sessions.begin(TOKEN)
    clock.now += SESSION_SECONDS - 1
    found = sessions.find(secret)
    assert found is not None
    assert found.token is TOKEN

    clock.now += 1
    assert sessions.find(secret) is None


def test_an_ended_session_is_gone() -> None:
    """Ending it twice is no error."""
    sessions = Sessions(Clock())
    secret = sessions.begin(TOKEN)
    sessions.end(secret)
    sessions.end(secret)
    assert sessions.find(secret) is None


def test_unknown_secrets_find_nothing() -> None:
    """An empty one and one that is no text included."""
    sessions = Sessions(Clock())
    sessions.begin(TOKEN)
    assert [sessions.find(secret) for secret in ("", "x", "\udce9")] == [None] * 3


def test_the_oldest_makes_room() -> None:
    """Whoever has a token can begin many, and none costs memory for long."""
    sessions = Sessions(Clock())
    secrets = [sessions.begin(TOKEN) for _ in range(MOST_SESSIONS + 1)]
    assert sessions.find(secrets[0]) is None
    assert all(sessions.find(secret) for secret in secrets[1:])


def test_a_form_is_a_sessions_own() -> None:
    """Each has a form token of its own, and the cookie's secret is none."""
    sessions = Sessions(Clock())
    secrets = [sessions.begin(TOKEN) for _ in range(2)]
    one, other = (sessions.find(secret) for secret in secrets)
    assert one is not None
    assert other is not None
    assert one.is_own(one.form_token)
    assert not any(one.is_own(text) for text in (other.form_token, secrets[0], "", "\udce9"))
