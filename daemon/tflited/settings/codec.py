"""Owns a resolved policy's form as JSON text, for the job store and the child."""

from typing import Final

from pydantic import TypeAdapter

from tflited.domain.policy import Policy

_ADAPTER: Final = TypeAdapter(Policy)


def encode_policy(policy: Policy) -> str:
    """The policy as one line of JSON that ``decode_policy`` reads back to an equal value."""
    return _ADAPTER.dump_json(policy).decode()


def decode_policy(text: str) -> Policy:
    """Reads what ``encode_policy`` wrote.

    Raises:
        ValueError: the text is not a policy.
    """
    return _ADAPTER.validate_json(text)
