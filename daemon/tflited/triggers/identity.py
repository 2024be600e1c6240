"""Ids for documents that bring none, so that what comes twice is one trigger."""

import json
from collections.abc import Callable


def with_id(content: bytes, new_id: Callable[[], str]) -> bytes:
    """The document with an id where it brings none; what is no document is left as it is.

    Args:
        content: the document as it came.
        new_id: gives the id; called only where one is needed.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(document, dict) or document.get("id"):
        return content
    document["id"] = new_id()
    return json.dumps(document).encode()
