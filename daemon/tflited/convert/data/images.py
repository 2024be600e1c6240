"""Samples from folders of image files; class folders give labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tflited.convert.arrays import Array
from tflited.convert.data import picture
from tflited.convert.data.checks import only_input, readable, size_of
from tflited.convert.data.classes import class_column
from tflited.convert.data.sample_set import Column
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess


class Images:
    """One image file for each row.

    Args:
        files: sorted paths.
        inputs: what the model takes; must be one.
        rules: what is done to the pixels.

    Raises:
        ConversionError: the model takes no images, or the rules do not fit it.
    """

    def __init__(
        self, files: Sequence[str], inputs: Sequence[TensorSpec], rules: Preprocess
    ) -> None:
        self.title = "Image files"
        self._files = files
        self._spec = only_input(self.title, inputs)
        self._rules = rules
        self._frame = picture.frame(self.title, self._spec, rules)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._files)

    def subject(self, unit: int) -> str:
        """The file's name, with its folder's: names repeat from class to class."""
        path = Path(self._files[unit])
        return f"{path.parent.name}/{path.name}"

    def load(self, unit: int) -> Mapping[str, Array]:
        """One decoded, resized and scaled image.

        Raises:
            ConversionError: the file cannot be read as an image.
        """
        file = Path(self._files[unit])
        size_of(file, largest=picture.LARGEST_BYTES)
        with readable(file):
            content = file.read_bytes()
        return {self._spec.name: picture.row(self.subject(unit), content, self._frame, self._rules)}

    def labels(self, units: Sequence[int]) -> Column:
        """Class numbers by folder.

        Raises:
            ConversionError: there are no class folders.
        """
        return class_column(self._files, units, self._rules.classes, "image files")
