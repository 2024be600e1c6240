"""Ids for documents that bring none: the same at a redelivery, another for a new message."""

import hashlib
import json
import secrets
from pathlib import Path

from tflited import durable
from tflited.triggers.broker.delivery import Delivery
from tflited.triggers.document import MAX_DOCUMENT_BYTES
from tflited.triggers.identity import with_id


class Naming:
    """Names one message after the other.

    Where the broker names its messages, their names make the ids. MQTT and plain AMQP do not, and
    an id of the content alone would take the same words of tomorrow for a redelivery. So the id
    of the message in hand is kept in a file until it is acknowledged: only a message that was
    stored and not acknowledged meets its own id again.

    Args:
        file: where the id of the message in hand is kept; its folder exists.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def named(self, delivery: Delivery) -> bytes:
        """The document with an id.

        Raises:
            StoragePausedError: there is no room for the file.
        """
        if len(delivery.body) > MAX_DOCUMENT_BYTES:
            return delivery.body
        return with_id(delivery.body, lambda: f"broker-{self._new_id(delivery)}")

    def forget(self) -> None:
        """The message in hand is acknowledged."""
        self._file.unlink(missing_ok=True)

    def _new_id(self, delivery: Delivery) -> str:
        if delivery.identity:
            return _digest(delivery.identity.encode() + b"\0" + delivery.body)
        content = _digest(delivery.body)
        kept = self._kept()
        if kept.get("content") == content:
            return str(kept["id"])
        new_id = secrets.token_hex(16)
        durable.write(self._file, json.dumps({"content": content, "id": new_id}).encode())
        return new_id

    def _kept(self) -> dict[str, str]:
        try:
            kept = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and "id" in kept else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
