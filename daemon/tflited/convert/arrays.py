"""The one name for arrays of numbers; imports no tensorflow."""

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]
