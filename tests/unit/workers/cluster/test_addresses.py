"""Worker and scheduler refuse to be reached by others without certificates, before they listen."""

from pathlib import Path

import pytest

from tflited.domain.cluster import SchedulerSettings, TlsFiles, WorkerSettings
from tflited.errors import CannotStartError
from tflited.workers.cluster import scheduler
from tflited.workers.cluster.worker import check, owned

TLS = TlsFiles(ca=Path("ca.pem"), certificate=Path("me.pem"), key=Path("me.key"))


@pytest.mark.parametrize(
    ("address", "tls"),
    [
        ("tcp://192.0.2.1:8786", None),
        ("tcp://0.0.0.0:8786", None),
        ("tls://127.0.0.1:8786", None),
        ("tcp://127.0.0.1:8786", TLS),
        ("127.0.0.1:8786", TLS),
    ],
)
def test_an_open_address_is_refused(address: str, tls: TlsFiles | None) -> None:
    """The way out is told."""
    settings = WorkerSettings(
        scheduler=address, tls=tls, name="one", slots=1, memory_bytes=1, directory=Path("own")
    )
    with pytest.raises(CannotStartError, match=r"docs/scaling\.md"):
        check(settings)
    with pytest.raises(CannotStartError, match=r"docs/scaling\.md"):
        scheduler.run(SchedulerSettings(listen=address, tls=tls), lambda _: None)


def test_a_directory_has_one_worker(tmp_path: Path) -> None:
    """A second one would sweep the first one's attempts away; afterwards it is free again."""
    with owned(tmp_path), pytest.raises(CannotStartError, match="another worker"), owned(tmp_path):
        pass
    with owned(tmp_path):
        pass


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """The path is named."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotStartError, match="file"), owned(tmp_path / "file" / "own"):
        pass
