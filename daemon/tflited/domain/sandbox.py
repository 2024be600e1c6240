"""What is demanded of the sandbox around model code, and what held."""

from enum import StrEnum


class SandboxDemand(StrEnum):
    """What an operator demands of the sandbox, for each root."""

    REQUIRED = "required"
    """Every layer holds, or the model is not opened."""
    OFF = "off"
    """The model's code may do what the daemon may do."""


class SandboxLevel(StrEnum):
    """What held while model code ran; the metrics label ``result``."""

    FULL = "full"
    """Every layer."""
    NO_NAMESPACES = "no_namespaces"
    """An outer sandbox forbids namespaces; seccomp forbids sockets."""
    OFF = "off"
    """Only what costs nothing: an operator switched the sandbox off."""
