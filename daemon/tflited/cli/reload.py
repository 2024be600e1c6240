"""``tflited reload``: reads the configuration again and waits until it is in force."""

from tflited.cli.client import Client
from tflited.cli.options import Config, Directory, settings


def reload(config: Config = None, directory: Directory = None) -> int:
    """Make the daemon read its configuration again; a wrong one changes nothing."""
    Client(settings(config, directory).socket).post("/api/v1/reload")
    print("the configuration is in force")
    return 0
