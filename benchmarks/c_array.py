"""C arrays against ``xxd -i``: the time to write one of 14 MB, and to compile it.

    python benchmarks/c_array.py PAIRS

The content is what a large model looks like to a compiler: random bytes. The peer is compiled once,
since it takes half a minute and two gigabytes. Every object's bytes are compared with the content.
"""

import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from stopwatch import BenchmarkError, comparison, seconds
from tflited.convert.c_source.c_text import hexadecimal
from tflited.convert.c_source.emit_c import Titles
from tflited.convert.micro.styles import sources
from tflited.convert.tflite.flatbuffer import Flatbuffer, Subgraph
from tflited.domain.policy import CArray, CStyle, Policy

SIZE: Final = 14_000_000
SEED: Final = 20_240_501
SYMBOL: Final = "model_tflite"
WARNINGS: Final = ("-Wall", "-Wextra", "-pedantic", "-Werror")
C: Final = ("gcc", "-std=c11", "-O0")
CPP: Final = ("g++", "-std=c++17", "-O0", "-x", "c++")
SOURCES: Final = {
    "model.c": ((*C, *WARNINGS), (*CPP, *WARNINGS)),
    "model.S": (("gcc",),),
    "bytes.c": ((*C, *WARNINGS),),
}
"""The default form, the assembler's, and the default of before: bytes in braces."""


def measure(pairs: int) -> dict[str, Any]:
    """Writing and compiling, ours and the peer's.

    Args:
        pairs: how often, but for the peer's compilation.
    """
    missing = [name for name in ("xxd", "gcc", "g++") if shutil.which(name) is None]
    if missing:
        return {"skipped": f"missing: {', '.join(missing)} (apt-get install xxd gcc g++)"}
    with tempfile.TemporaryDirectory(prefix="tflited-bench-") as name:
        return _measured(Path(name), pairs)


def _measured(folder: Path, pairs: int) -> dict[str, Any]:
    # The last byte of a published file is zero, as convert/tflite/layout.py leaves it.
    content = np.random.default_rng(SEED).bytes(SIZE - 1) + b"\0"
    (folder / "model.tflite").write_bytes(content)
    written = _writing(folder, content, pairs)
    (folder / "bytes.c").write_bytes(_plain_bytes(content))
    texts = {source: (folder / source).stat().st_size for source in (*SOURCES, "xxd.c")}
    peer = seconds(lambda: _compiled(folder, "xxd.c", "gcc", "-O0"))
    return {
        "peer": "xxd -i, and gcc -O0 on what it writes: once, and without warnings",
        "bytes": SIZE,
        "text_bytes": texts,
        "write": written,
        "compile": {
            f"{source} {command[0]}": comparison(
                [_proven(folder, content, source, command)], [peer]
            )
            for source, commands in SOURCES.items()
            for command in commands
        },
    }


def _proven(folder: Path, content: bytes, source: str, command: tuple[str, ...]) -> float:
    """Seconds to compile a source, whose object holds the content.

    Raises:
        BenchmarkError: it holds something else.
    """
    # A library of a name of its own: one that is loaded already would be read again.
    name = f"{source}-{command[0]}.so"
    spent = seconds(lambda: _compiled(folder, source, *command))
    link = (shutil.which("gcc") or "gcc", "-shared", "model.o", "-o", name)
    subprocess.run(link, check=True, cwd=folder)
    library = ctypes.CDLL(str(folder / name))
    array = (ctypes.c_ubyte * SIZE).in_dll(library, SYMBOL)
    if bytes(array) != content or ctypes.addressof(array) % 16:
        raise BenchmarkError(f"{source}: the linked bytes are not the file's.")
    return spent


def _writing(folder: Path, content: bytes, pairs: int) -> dict[str, Any]:
    """Alternates our default form and the peer; the assembler's few lines once."""
    ours, peers = list[float](), list[float]()
    for _ in range(pairs + 1):
        ours.append(seconds(lambda: _written(folder, content, CStyle.C)))
        peers.append(seconds(lambda: _xxd(folder)))
    incbin = seconds(lambda: _written(folder, content, CStyle.INCBIN))
    return {
        "default": comparison(ours[1:], peers[1:]),
        "incbin": comparison([incbin], peers[-1:]),
    }


def _written(folder: Path, content: bytes, style: CStyle) -> None:
    policy = Policy(c_array=CArray(style=style))
    titles = Titles(symbol=SYMBOL, header_name="")
    empty = Subgraph(tensors=(), operators=(), inputs=(), outputs=())
    nothing = Flatbuffer(subgraphs=(empty,), signatures=())
    for name, text in sources(content, nothing, policy, titles, "model").items():
        (folder / name).write_bytes(text)


def _plain_bytes(content: bytes) -> bytes:
    """What is small has this form; of a large file it shows what the string saves."""
    head = f"const unsigned char {SYMBOL}[{len(content)}u] = {{\n".encode()
    return b"".join((head, hexadecimal(content), b"\n};\n"))


def _xxd(folder: Path) -> None:
    with (folder / "xxd.c").open("wb") as text:
        command = (shutil.which("xxd") or "xxd", "-i", "model.tflite")
        subprocess.run(command, check=True, cwd=folder, stdout=text)


def _compiled(folder: Path, source: str, *command: str) -> None:
    subprocess.run([*command, "-c", source, "-o", "model.o"], check=True, cwd=folder)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]))) + "\n")
