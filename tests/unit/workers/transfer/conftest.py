"""A depot, a carrier, and a model for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from certificates import Authority, authority
from programs import find_program
from tflited.domain.cluster import TlsFiles
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer

MakeDepot = Callable[..., Depot]
MakeCarrier = Callable[..., Carrier]


@pytest.fixture(scope="package")
def cluster_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    find_program("openssl", "apt-get install openssl")
    return authority(tmp_path_factory.mktemp("authorities") / "ours")


@pytest.fixture
def make_depot(tmp_path: Path) -> Iterator[MakeDepot]:
    """Starts depots that workers share no path with."""
    with ExitStack() as stack:

        def make(
            *, tls: TlsFiles | None = None, shares_paths: bool = False, most_connections: int = 64
        ) -> Depot:
            depot = Depot(
                listen="127.0.0.1:0",
                tls=tls,
                staging=tmp_path / "staging",
                shares_paths=shares_paths,
                most_connections=most_connections,
            )
            depot.start()
            stack.callback(depot.stop, 5.0)
            return depot

        yield make


@pytest.fixture
def depot(make_depot: MakeDepot) -> Depot:
    return make_depot()


@pytest.fixture
def carrier(tmp_path: Path) -> Carrier:
    return Carrier(cache=tmp_path / "cache", cache_bytes=10**8, tls=None)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a file of several pieces, an empty file and an empty folder."""
    folder = tmp_path / "net"
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_bytes(bytes(range(256)) * 8000)
    (folder / "variables" / "variables.index").write_bytes(b"")
    return folder


@pytest.fixture
def through() -> Callable[[Offer, str], Offer]:
    """The same offer at another address."""
    return lambda offer, url: replace(offer, url=url)
