"""The two ends of the data plane as processes that a test may kill, and that measure themselves.

python transfer_ends.py depot STAGING MODEL [PORT]    prints the offer, then answers on its input
python transfer_ends.py fetch OFFER CACHE INTO        prints what it brought
python transfer_ends.py deliver OFFER FOLDER          prints nothing of its own
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from tflited.domain.cluster import TlsFiles
from tflited.errors import TflitedError
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer

HERE = Path(__file__).resolve()
ATTEMPT = "1.1"
CACHE_BYTES = 3 * 2**30


def started(*arguments: object, tls: TlsFiles | None = None) -> subprocess.Popen[str]:
    """One end; standard input and output are pipes."""
    told = json.dumps(None if tls is None else [str(tls.ca), str(tls.certificate), str(tls.key)])
    command = [sys.executable, str(HERE), told, *map(str, arguments)]
    paths = [str(HERE.parent), str(HERE.parents[1] / "daemon")]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(paths), "PATH": "/usr/bin:/bin"},
        text=True,
    )


def fetching(offer: Offer, cache: Path, into: Path, *, url: str = "") -> subprocess.Popen[str]:
    """A worker that fetches the model, at another address where one is named."""
    told = replace(offer, url=url) if url else offer
    return started("fetch", told.to_json().decode(), cache, into)


def delivering(offer: Offer, folder: Path, *, url: str = "") -> subprocess.Popen[str]:
    """A worker that delivers a folder."""
    told = replace(offer, url=url) if url else offer
    return started("deliver", told.to_json().decode(), folder)


class DepotProcess:
    """A depot that offers one model to one attempt.

    Attributes:
        offer: its offer.
        process: it.
    """

    def __init__(self, staging: Path, model: Path, *, port: int = 0, tls: TlsFiles | None) -> None:
        self.process = started("depot", staging, model, port, tls=tls)
        self.offer = Offer.from_json(self._line().encode())

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.offer.url.rpartition(":")[2])

    def ask(self, what: str) -> Any:
        """Has it do something: ``delivered``, ``withdraw``, ``figures``."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(("{", '"', "null")):  # the others are the log
                return line
        raise AssertionError("the depot ended")


@contextmanager
def depot(
    staging: Path, model: Path, *, port: int = 0, tls: TlsFiles | None = None
) -> Iterator[DepotProcess]:
    """A running one; killed at the block's end."""
    made = DepotProcess(staging, model, port=port, tls=tls)
    try:
        yield made
    finally:
        ended(made.process)


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    """Kills a process that still runs; its exit code, and the last thing it printed."""
    process.kill()
    return finished(process)


def finished(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    """Waits for an end; its exit code, and the last thing it printed."""
    out, _ = process.communicate(timeout=240)
    answers = [line for line in out.splitlines() if line.startswith("{")]
    return process.returncode, json.loads(answers[-1]) if answers else {}


class Figures:
    """What a process used since this was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begins VmHWM anew
        self._resident = _status("VmRSS")
        self._began, self._processor = monotonic(), process_time()

    def told(self) -> dict[str, float]:
        """Growth of the peak of resident memory, wall and processor time."""
        return {
            "growth_bytes": _status("VmHWM") - self._resident,
            "seconds": monotonic() - self._began,
            "processor_seconds": process_time() - self._processor,
        }


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def _depot(tls: TlsFiles | None, staging: str, model: str, port: str) -> None:
    made = Depot(listen=f"127.0.0.1:{port}", tls=tls, staging=Path(staging), shares_paths=False)
    made.start()
    figures = Figures()
    _say(made.offer(ATTEMPT, {"model": Path(model)}).to_json().decode())
    for line in sys.stdin:
        match line.strip():
            case "delivered":
                folder = made.delivered(ATTEMPT)
                _say(json.dumps(None if folder is None else str(folder)))
            case "withdraw":
                made.withdraw(ATTEMPT)
                _say("null")
            case _:
                _say(json.dumps(figures.told()))
                figures = Figures()


def _fetch(tls: TlsFiles | None, offer: str, cache: str, into: str) -> None:
    carrier = Carrier(cache=Path(cache), cache_bytes=CACHE_BYTES, tls=tls)
    figures = Figures()
    path = carrier.fetch(Offer.from_json(offer.encode()), "model", Path(into))
    _say(json.dumps({"path": str(path), **figures.told()}))


def _deliver(tls: TlsFiles | None, offer: str, folder: str) -> None:
    carrier = Carrier(cache=Path(folder).with_name("no-cache"), cache_bytes=1, tls=tls)
    figures = Figures()
    carrier.deliver(Offer.from_json(offer.encode()), Path(folder))
    _say(json.dumps(figures.told()))


ENDS: Mapping[str, Callable[..., None]] = {
    "depot": _depot,
    "fetch": _fetch,
    "deliver": _deliver,
}


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the answer


def main() -> None:
    """Does what the command line says; prints a failure's code and ends with 1."""
    told, end, *rest = sys.argv[1:]
    files = json.loads(told)
    tls = None
    if files is not None:
        ca, certificate, key = map(Path, files)
        tls = TlsFiles(ca=ca, certificate=certificate, key=key)
    try:
        ENDS[end](tls, *rest)
    except TflitedError as error:
        _say(json.dumps({"code": error.code, "message": str(error)}))
        sys.exit(1)


if __name__ == "__main__":
    main()
