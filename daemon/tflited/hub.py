"""Composes what makes models of Hub references; the daemon and one-off conversions share it."""

from tflited.domain.ports import Clock
from tflited.settings.hub_file import read_reference
from tflited.settings.model import Settings
from tflited.sources.hub import HubModels
from tflited.sources.hub_cache import HubCache, Record
from tflited.workers.hub import HubProcesses


def hub_models(
    settings: Settings, clock: Clock, *, is_offline: bool = False, record: Record | None = None
) -> HubModels:
    """What makes models of Hub references.

    Args:
        settings: names the cache, the hosts and the limits.
        clock: time.
        is_offline: use what is in the cache and fetch nothing.
        record: told the end of every fetch, from any thread.
    """
    limits = settings.hub.limits
    cache = HubCache(
        clock,
        HubProcesses(limits),
        settings.hub.cache,
        refresh_seconds=settings.hub.refresh_seconds,
        is_offline=is_offline,
    )
    cache.record = record or cache.record
    return HubModels(
        clock=clock,
        cache=cache,
        read=lambda file: read_reference(file, limits.hosts),
        settle_seconds=settings.settle_seconds,
        roots=settings.all_roots,
    )
