"""How TensorFlow runs in a child: threads, and what it spends on becoming fast; runs nothing."""

import contextlib
import ctypes
import mmap
import os
from pathlib import Path
from typing import Final

import tensorflow as tf

SMALL_MODEL_BYTES: Final = 4 << 20
"""Up to here a model's few runs take less time than writing machine code for them does."""
CONTRACTION_KERNEL: Final = "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL"
"""Read at the first matrix product (tensorflow/core/kernels/eigen_contraction_kernel.cc)."""


def set_up(model: Path, threads: int) -> None:
    """Prepares this process for one model; has its effect before TensorFlow runs anything.

    oneDNN's matrix product writes its machine code at first use: some 30 ms, a seventh of a small
    model's whole build. Eigen's own does without, and is slower at each run of a large model; where
    code that was written may not be executed, nothing else works at all.

    Args:
        model: the private copy, a file or a directory.
        threads: processor threads to use.
    """
    is_worth_it = _size(model) > SMALL_MODEL_BYTES and may_execute_written_memory()
    os.environ[CONTRACTION_KERNEL] = "true" if is_worth_it else "false"
    # The source is run as it was written: the optimiser of graphs takes longer than the few runs,
    # and rounds otherwise where it joins operators.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    # Refused once TensorFlow has run; a fresh child never has, a test's process may.
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)


def may_execute_written_memory() -> bool:
    """Whether a page that was written may become executable, as generated code needs.

    systemd's ``MemoryDenyWriteExecute=`` and PR_SET_MDWE (prctl(2)) forbid it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as page:
        start = ctypes.c_char.from_buffer(page)
        address = ctypes.c_void_p(ctypes.addressof(start))
        result = libc.mprotect(
            address, ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC
        )
        del start, address  # the page can be unmapped only without views
    return bool(result == 0)


def _size(model: Path) -> int:
    files = [model] if model.is_file() else [path for path in model.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)
