"""Where a Hub handle may lead, and the file that stands for a handle."""

import tomllib

import pytest

from tflited.domain.hub import (
    HubReference,
    check_address,
    is_address,
    module_key,
    reference_name,
    reference_text,
    shown,
)
from tflited.errors import HubError


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("https://hub.example/a", ()),
        ("https://hub.example:8443/a?b=c", ()),
        ("https://hub.example/a", ("hub.example",)),
        ("https://HUB.example/a", ("hub.EXAMPLE:443",)),
        ("http://hub.example/a", ("hub.example",)),
        ("http://hub.example:81/a", ("hub.example:81",)),
        ("http://[::1]:81/a", ("[::1]",)),
        ("http://[::1]:81/a", ("[::1]:81",)),
    ],
)
def test_allowed_addresses(address: str, hosts: tuple[str, ...]) -> None:
    """Any host over https without a list, listed ones otherwise; a port narrows."""
    assert check_address(address, hosts).hostname


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("http://hub.example/a", ()),
        ("https://other.example/a", ("hub.example",)),
        ("https://hub.example.evil/a", ("hub.example",)),
        ("https://evil-hub.example/a", ("hub.example",)),
        ("http://hub.example:82/a", ("hub.example:81",)),
        ("https://hub.example@evil.example/a", ("hub.example",)),
        ("https://user:word@hub.example/a", ()),
        ("https://evil.example\\@hub.example/a", ()),
        ("https://hub.example/a b", ()),
        ("https://hub.example/a\nHost: x", ()),
        ("https://h\u00fcb.example/a", ()),
        ("https:///a", ()),
        ("https://hub.example:99999/a", ()),
        ("https://[::1/a", ()),
        ("https://hub.example/" + "a" * 3000, ()),
        ("gs://bucket/a", ()),
        ("file:///etc/passwd", ()),
        ("ftp://hub.example/a", ("hub.example",)),
    ],
)
def test_refused_addresses(address: str, hosts: tuple[str, ...]) -> None:
    """For good, and without showing a password."""
    with pytest.raises(HubError) as refused:
        check_address(address, hosts)
    assert not refused.value.retryable
    assert "word@" not in refused.value.message


def test_paths_and_addresses() -> None:
    """A scheme makes an address."""
    assert is_address("https://a")
    assert is_address("gs://a")
    assert not is_address("/a/b")
    assert not is_address("a/b:c")


def test_a_query_is_not_shown() -> None:
    """It may hold a token, as a user may be a secret."""
    assert shown("https://u:p@hub.example/a?token=secret") == "https://***@hub.example/a"


def test_the_key_is_that_of_tensorflow_hub() -> None:
    """Taken from compressed_module_resolver.py: SHA-1 of the handle."""
    assert module_key("https://hub.example/net/1") == "48551902ddf319eacd301ba65f4fee8501742240"


@pytest.mark.parametrize(
    ("handle", "readable"),
    [
        (
            "https://tfhub.example/google/mobilenet_v2/classification/5",
            "mobilenet_v2-classification-5-",
        ),
        ("https://a.example/m/Net.tar.gz?x=1", "m-Net-"),
        ("https://a.example/", "module-"),
        ("https://a.example/../..%2f/x", "2f-x-"),
        ("/srv/models/net", "srv-models-net-"),
    ],
)
def test_names_are_readable_and_unique(handle: str, readable: str) -> None:
    """One file for each handle and shape, whatever the handle holds."""
    name = reference_name(HubReference(handle=handle))
    other = reference_name(HubReference(handle=handle, input_shape={"": (1, 2)}))
    assert name.startswith(readable)
    assert name.endswith(".hub.toml")
    assert name != other
    assert "/" not in name
    assert len(name) < 80


def test_the_text_reads_back() -> None:
    """Whatever stands in it is TOML."""
    reference = HubReference(
        handle='https://a.example/"\\\x7f', input_shape={"a b": (1,), "c": (2, 3)}, tags=("x",)
    )
    assert tomllib.loads(reference_text(reference)) == {
        "handle": reference.handle,
        "input_shape": {"a b": [1], "c": [2, 3]},
        "tags": ["x"],
    }
    one = HubReference(handle="h", input_shape={"": (1, 4)}, signature="s")
    assert tomllib.loads(reference_text(one)) == {
        "handle": "h",
        "input_shape": [1, 4],
        "signature": "s",
    }
