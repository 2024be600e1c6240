"""A model larger than anybody's memory goes through both ends without staying in either."""

import subprocess
from pathlib import Path

import pytest

import transfer_ends as ends
from certificates import authority

SIZE_BYTES = 2 * 2**30
MOST_GROWTH_BYTES = 100 * 2**20
BLOCK_BYTES = 2**20


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two gigabytes of zeros that take no room, with a mark at each end."""
    path = tmp_path / "net.keras"
    with path.open("wb") as stream:
        stream.write(b"begin")
        stream.seek(SIZE_BYTES - 3)
        stream.write(b"end")
    return path


def same(one: Path, other: Path) -> bool:
    """Whether two files have the same content."""
    return subprocess.run(["cmp", str(one), str(other)], check=False).returncode == 0


@pytest.mark.requires_program("openssl", "apt-get install openssl")
def test_two_gigabytes_there_and_back(tmp_path: Path, large: Path) -> None:
    """Neither daemon nor worker grows by a hundred megabytes, though all of it is encrypted."""
    tls = authority(tmp_path / "authority").issue("host")
    into = tmp_path / "into"
    into.mkdir()
    with ends.depot(tmp_path / "staging", large, tls=tls) as depot:
        told = depot.offer.to_json().decode()
        offering = depot.ask("figures")
        fetch = ends.started("fetch", told, tmp_path / "cache", into, tls=tls)
        status, fetched = ends.finished(fetch)
        assert status == 0, fetched
        sending = depot.ask("figures")
        assert same(Path(fetched["path"]), large)
        status, delivered = ends.finished(ends.started("deliver", told, into, tls=tls))
        assert status == 0, delivered
        taking = depot.ask("figures")
        assert same(Path(depot.ask("delivered")) / large.name, large)
    grown = {
        name: round(figures["growth_bytes"] / 2**20, 1)
        for name, figures in (
            ("daemon offers", offering),
            ("daemon sends", sending),
            ("worker fetches", fetched),
            ("worker delivers", delivered),
            ("daemon takes", taking),
        )
    }
    assert max(grown.values()) < MOST_GROWTH_BYTES / 2**20, grown
