"""Measures the data plane between daemon and worker on loopback and prints one JSON document.

    python benchmarks/transfer.py [--megabytes N] [--pairs N]

Each end is a process of its own, whose processor time is its alone. Every sample is checked by
SHA-256 as in service. `again` is a fetch of what the worker's cache has. Everything lies below
$TMPDIR: a folder in memory shows the line, one on a disk shows that disk.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from stopwatch import BenchmarkError
from tflited.domain.cluster import TlsFiles
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer

HERE: Final = Path(__file__).resolve()
KEY: Final = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
BLOCK: Final = bytes(range(256)) * 4096


def main() -> None:
    """Reads the command line, measures and prints."""
    if sys.argv[1:2] == ["worker"]:
        _work(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=512, help="size of the model")
    parser.add_argument("--pairs", type=int, default=3, help="samples of each kind")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as name:
        scratch = Path(name)
        model = scratch / "net.keras"
        with model.open("wb") as stream:
            for number in range(options.megabytes):
                stream.write(number.to_bytes(8, "big"))
                stream.write(BLOCK[:-8])
        document = {
            kind: _measured(scratch / kind, model, options.pairs, tls)
            for kind, tls in (("plain", None), ("tls", _certificates(scratch)))
        }
    print(json.dumps({"megabytes": options.megabytes, **document}, indent=2))


def _measured(scratch: Path, model: Path, pairs: int, tls: TlsFiles | None) -> dict[str, Any]:
    """Medians of each step: megabytes a second, and processor seconds for a gigabyte."""
    scratch.mkdir()
    (scratch / "tls.json").write_text(
        json.dumps(None if tls is None else [str(tls.ca), str(tls.certificate), str(tls.key)])
    )
    depot = Depot(listen="127.0.0.1:0", tls=tls, staging=scratch / "staging", shares_paths=False)
    depot.start()
    samples = [_sample(depot, scratch / str(number), model) for number in range(pairs)]
    depot.stop(5.0)
    gigabytes = model.stat().st_size / 2**30
    return {
        step: {
            "megabytes_per_second": round(
                1024 * gigabytes / statistics.median(each[step]["seconds"] for each in samples)
            ),
            **{
                f"{end}_processor_seconds_per_gigabyte": round(
                    statistics.median(each[step][end] for each in samples) / gigabytes, 2
                )
                for end in ("daemon", "worker")
            },
        }
        for step in ("fetch", "again", "deliver")
    }


def _sample(depot: Depot, scratch: Path, model: Path) -> dict[str, dict[str, float]]:
    """One worker's fetch, its fetch of the same again, and its delivery of it."""
    scratch.mkdir()
    offer = depot.offer("1.1", {"model": model}, most_bytes=2**50)
    (scratch / "offer").write_bytes(offer.to_json())
    worker = subprocess.Popen(
        [sys.executable, str(HERE), "worker", str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if worker.stdin is None or worker.stdout is None:
        raise BenchmarkError("No pipes to the worker.")
    steps = {}
    for step in ("fetch", "again", "deliver"):
        began, processor = time.monotonic(), time.process_time()
        worker.stdin.write(f"{step}\n")
        worker.stdin.flush()
        told = json.loads(worker.stdout.readline())
        steps[step] = {
            "seconds": time.monotonic() - began,
            "daemon": time.process_time() - processor,
            "worker": told,
        }
    worker.communicate(timeout=60)
    depot.withdraw("1.1")
    return steps


def _work(scratch: Path) -> None:
    """The worker's process: does each step that it reads, and prints its processor seconds."""
    files = json.loads((scratch.parent / "tls.json").read_text())
    tls = None
    if files is not None:
        ca, certificate, key = map(Path, files)
        tls = TlsFiles(ca=ca, certificate=certificate, key=key)
    carrier = Carrier(cache=scratch / "cache", cache_bytes=2**40, tls=tls)
    offer = Offer.from_json((scratch / "offer").read_bytes())
    for line in sys.stdin:
        step, began = line.strip(), time.process_time()
        if step == "deliver":
            carrier.deliver(offer, scratch / "fetch")
        else:
            (scratch / step).mkdir()
            carrier.fetch(offer, "model", scratch / step)
        print(time.process_time() - began, flush=True)


def _certificates(scratch: Path) -> TlsFiles:
    tls = TlsFiles(ca=scratch / "ca", certificate=scratch / "certificate", key=scratch / "key")
    authority = ["-subj", "/CN=ours", "-keyout", f"{tls.ca}.key", "-out", str(tls.ca)]
    own = ["-subj", "/CN=host", "-keyout", str(tls.key), "-out", str(tls.certificate)]
    signed = ["-CA", str(tls.ca), "-CAkey", f"{tls.ca}.key"]
    leaf = ["-addext", "basicConstraints=critical,CA:false"]
    for arguments in (authority, [*own, *signed, *leaf]):
        command = ["openssl", "req", "-x509", *KEY, *arguments]
        subprocess.run(command, check=True, capture_output=True)
    return tls


if __name__ == "__main__":
    main()
