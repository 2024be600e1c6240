"""Loads what every attempt needs, once, before the zygote forks.

Imports only. No operator runs and no thread starts here: a thread would not survive the fork, and
Landlock holds per thread. The environment that keeps the libraries from starting any:
``OPENBLAS_NUM_THREADS=1``, ``OMP_NUM_THREADS=1``, ``CUDA_VISIBLE_DEVICES=-1``,
``TF_CPP_MIN_LOG_LEVEL=2``, ``KERAS_BACKEND=tensorflow`` and no ``TF_USE_LEGACY_KERAS``.
"""

import importlib
from typing import Final

MODULES: Final = (
    "numpy",
    "h5py",
    "tensorflow",
    "tensorflow.lite.python.lite",
    "tensorflow.lite.python.optimize.calibrator",
    "tensorflow.python.framework.convert_to_constants",
    "keras",
    "tf_keras",
    "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated",
    "ai_edge_quantizer.quantizer",
    "tflited.convert.entry",
)
"""In the order of their import."""

for _name in MODULES:
    importlib.import_module(_name)
