"""How Dask is set up wherever tflited uses it; nothing of a user's own Dask files weakens that.

Dask reads its configuration when it is imported, so whoever imports it comes here first.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from tflited.domain.cluster import TlsFiles
from tflited.errors import CannotStartError

if TYPE_CHECKING:
    from distributed.security import Security

EVENTS_KEPT: Final = 1000
"""Signs of life that the scheduler keeps of each daemon; nobody reads old ones."""
_ROUTES: Final = ["distributed.http.{}.prometheus", "distributed.http.health"]
_SETTINGS: Final[dict[str, Any]] = {
    # The daemon's store is the only one that repeats an attempt.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    # Pages of Dask's own would show and proxy what the certificates protect.
    "distributed.scheduler.http.routes": [route.format("scheduler") for route in _ROUTES],
    "distributed.worker.http.routes": [route.format("worker") for route in _ROUTES],
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": EVENTS_KEPT,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "30s",
    # By default Dask writes a log of its own to standard error.
    "logging": {
        "version": 1,
        "disable_existing_loggers": False,
        "loggers": {"distributed": {"level": "ERROR"}, "tornado": {"level": "ERROR"}},
    },
}


def engine_version() -> str:
    """The version of Dask's distributed.

    Raises:
        CannotStartError: it is not installed.
    """
    try:
        return version("distributed")
    except PackageNotFoundError as error:
        raise CannotStartError(
            'executor = "dask": the package distributed is not installed.',
            hint="install tflited[cluster], or requirements/cluster.txt",
        ) from error


def set_up() -> None:
    """Sets Dask up, once; to be called before anything of ``distributed`` is imported.

    Raises:
        CannotStartError: it is not installed.
    """
    engine_version()
    import dask

    dask.config.set(_SETTINGS)


def security(tls: TlsFiles | None) -> "Security | None":
    """Mutual TLS in every direction and nothing else; None on loopback without certificates."""
    from distributed.security import Security

    if tls is None:
        return None
    own = {"cert": str(tls.certificate), "key": str(tls.key)}
    return Security(
        require_encryption=True,
        tls_ca_file=str(tls.ca),
        **{f"tls_{role}_{name}": path for role in _ROLES for name, path in own.items()},
    )


_ROLES: Final = ("client", "scheduler", "worker")
