"""How metrics are declared: every combination of labels at once."""

from prometheus_client import CollectorRegistry

from tflited.telemetry.metrics.declare import Declare, fill


def test_every_combination_exists_at_zero() -> None:
    """Rates work from the first event on."""
    registry = CollectorRegistry()
    Declare(registry).counter("made", "Made.", trigger=("api", "cli"), result=("ok", "error"))

    for trigger in ("api", "cli"):
        for result in ("ok", "error"):
            labels = {"trigger": trigger, "result": result}
            assert registry.get_sample_value("made_total", labels) == 0


def test_an_open_label_is_filled_later() -> None:
    """A label whose values come with the configuration has no series before them."""
    registry = CollectorRegistry()
    none: tuple[str, ...] = ()
    gauge = Declare(registry).gauge("seen", "Seen.", root=none)
    assert registry.get_sample_value("seen", {"root": "zoo"}) is None

    fill(gauge, ["zoo"])
    assert registry.get_sample_value("seen", {"root": "zoo"}) == 0


def test_buckets_are_those_asked_for() -> None:
    """The upper ends that a histogram is given, and infinity, are its buckets."""
    registry = CollectorRegistry()
    Declare(registry).histogram("size_bytes", "Size.", buckets=(1, 2)).observe(1.5)

    buckets = [registry.get_sample_value("size_bytes_bucket", {"le": le}) for le in ("1.0", "2.0")]
    assert buckets == [0, 1]
