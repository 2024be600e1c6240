"""Owns the loaded configuration as one frozen value; it reads nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflited.domain.access import HttpRules
from tflited.domain.broker import BrokerSettings
from tflited.domain.cluster import ClusterSettings
from tflited.domain.hub import ROOT_NAME, HubLimits
from tflited.domain.ports import Root
from tflited.domain.removal import BrakeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What holds for TensorFlow Hub references.

    Attributes:
        cache: the folder of fetched modules.
        refresh_seconds: after which a handle is asked again; 0 for never.
        limits: of one fetch.
    """

    cache: Path
    refresh_seconds: float = 86_400.0
    limits: HubLimits = field(default_factory=HubLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The main configuration with every path absolute.

    Attributes:
        output: the output tree.
        state: the folder of the job store and scratch space.
        workers: attempts at the same time; 0 lets the daemon decide.
        settle_seconds: how long a model's files must have been still.
        settle_whole_seconds: the same for one that proves whole; at most ``settle_seconds``.
        scan_interval_seconds: time between two whole scans.
        attempt_timeout_seconds: longest time of one attempt.
        drain_timeout_seconds: how long a stop waits for running attempts.
        rebuild_on_upgrade: whether a new toolchain alone rebuilds.
        builds_per_hour: most builds of one model that its changes begin; 0 for any number.
        removal_share: where more than this share of a root's models leave, their sets wait.
        removal_count: and at least so many do.
        queue_capacity: active jobs from which on triggers are held off.
        http_enabled: whether the HTTP API listens on TCP.
        http_host: an address, or localhost.
        http_port: TCP port; 0 takes a free one.
        http: who may ask over HTTP, and how much.
        socket: the control socket.
        log_format: auto, json, console or journal.
        log_level: debug, info, warning or error.
        hub: what holds for TensorFlow Hub references.
        broker: the message broker that triggers come through; None without one.
        cluster: the cluster that attempts run on; None where they run on this machine.
        references: the folder of Hub references that came as triggers.
        roots: the watched directories.
        policies: name to table of the keys that the main file names, data globs absolute.
        source: the main file, or "built-in" without one.
    """

    output: Path
    state: Path
    workers: int = 0
    settle_seconds: float = 3.0
    settle_whole_seconds: float = 0.5
    scan_interval_seconds: float = 60.0
    attempt_timeout_seconds: float = 900.0
    drain_timeout_seconds: float = 60.0
    rebuild_on_upgrade: bool = False
    builds_per_hour: int = 60
    removal_share: float = 0.5
    removal_count: int = 10
    queue_capacity: int = 10_000
    http_enabled: bool = True
    http_host: str = "127.0.0.1"
    http_port: int = 8571
    http: HttpRules = field(default_factory=HttpRules)
    socket: Path
    log_format: str = "auto"
    log_level: str = "info"
    hub: HubSettings
    references: Path
    broker: BrokerSettings | None = None
    cluster: ClusterSettings | None = None
    roots: tuple[Root, ...]
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    source: str = "built-in"

    @property
    def brake(self) -> BrakeRules:
        """When removals wait for a person."""
        return BrakeRules(share=self.removal_share, count=self.removal_count)

    @property
    def all_roots(self) -> tuple[Root, ...]:
        """The watched directories, then the daemon's own for references that came as triggers."""
        return (*self.roots, Root(name=ROOT_NAME, path=self.references))
