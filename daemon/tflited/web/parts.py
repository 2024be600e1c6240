"""Takes a form with files apart as it comes: files go to where they land, the rest is kept."""

from collections.abc import Callable
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tflited.domain.upload import Landing
from tflited.web.answers import RequestError

_MOST_FIELD_BYTES: Final = 8 * 1024
_FORM: Final = b"multipart/form-data"
_FILE_FIELD: Final = "files"


class FileForm:
    """One form on its way; files must come after the fields that allow them.

    Args:
        content_type: of the request.
        open_landing: called with the fields before the first file.

    Raises:
        RequestError: it is no such form.
    """

    def __init__(
        self, content_type: str, open_landing: Callable[[dict[str, str]], Landing]
    ) -> None:
        kind, options = parse_options_header(content_type)
        if kind != _FORM or not options.get(b"boundary"):
            message = f"upload: observed {content_type!r}, allowed multipart/form-data"
            raise RequestError(415, "no_form", message)
        self.fields: dict[str, str] = {}
        self.landing: Landing | None = None
        self.is_whole = False
        self._open_landing = open_landing
        self._headers: dict[bytes, bytes] = {}
        self._header, self._value, self._content = b"", b"", b""
        self._name = ""
        self._is_file = False
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._whole,
            },
        )

    def write(self, content: bytes) -> None:
        """Takes the next bytes of the body.

        Raises:
            RequestError: they are no part of such a form.
            UploadRefusedError: from the landing.
        """
        try:
            self._parser.write(content)
        except FormParserError as error:
            raise RequestError(
                400, "no_form", f"upload: observed a damaged form: {error}"
            ) from error

    def _begin(self) -> None:
        self._headers, self._header, self._value, self._content = {}, b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        told = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(told)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options and self._name == _FILE_FIELD
        name = options.get(b"filename", b"").decode("utf-8", "replace")
        if self._is_file and not name:
            self._is_file = False  # a field for files in which none was chosen
        elif self._is_file:
            if self.landing is None:
                self.landing = self._open_landing(self.fields)
            self.landing.begin_file(name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self.landing is not None:
            self.landing.write(data[start:end])
            return
        self._content += data[start:end]
        if len(self._content) > _MOST_FIELD_BYTES:
            raise RequestError(413, "too_large", f"field {self._name!r}: allowed 8 KiB")

    def _end(self) -> None:
        if not self._is_file:
            self.fields[self._name] = self._content.decode("utf-8", "replace")

    def _whole(self) -> None:
        self.is_whole = True
