"""The page of a browser's session: what it says for each kind of visitor."""

from tflited.pages.session_page import SessionView, page


def test_without_a_token_in_the_configuration_there_is_no_form() -> None:
    """It says what to configure instead of asking for what nobody has."""
    text = page(SessionView())
    assert "[[http.token]]" in text
    assert "<input" not in text


def test_the_form_leads_back() -> None:
    """Where the visitor came from is a hidden field, and a problem stands at the token."""
    text = page(SessionView(can_begin=True, come_back="/convert?x=<", trouble="unknown <token>"))
    assert 'name="next" value="/convert?x=&lt;"' in text or 'value="/convert?x=<"' in text
    assert "unknown &lt;token&gt;" in text
    assert 'type="password"' in text


def test_a_session_can_be_ended() -> None:
    """By a form that carries its token; it says what the session may do."""
    text = page(SessionView(name="ci", may_write=False, form_token="secret-of-the-form"))
    assert "read only" in text
    assert 'value="secret-of-the-form"' in text
    assert 'type="password"' not in text


def test_the_socket_needs_none() -> None:
    """Neither a form nor an end."""
    text = page(SessionView(may_write=True))
    assert "control socket" in text
    assert "<form" not in text
