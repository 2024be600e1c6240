"""The broker that an address means."""

import pytest

from tflited.domain.broker import SCHEMES, BrokerKind, BrokerSettings


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_means_a_broker(scheme: str) -> None:
    """With TLS exactly where the address says so."""
    settings = BrokerSettings(url=f"{scheme}://h:1")
    assert settings.kind is SCHEMES[scheme]
    assert settings.is_encrypted == (scheme in {"rediss", "amqps", "mqtts", "tls"})


def test_every_broker_can_be_reached_with_and_without_tls() -> None:
    """Two schemes each."""
    assert sorted(SCHEMES.values()) == sorted([*BrokerKind, *BrokerKind])
