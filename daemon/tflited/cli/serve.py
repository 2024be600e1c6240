"""``tflited serve``: runs the daemon in the foreground."""

from tflited.cli.options import Config, Directory, settings
from tflited.telemetry import logs


def serve(config: Config = None, directory: Directory = None) -> int:
    """Run the daemon in the foreground until SIGTERM."""
    from tflited.app import Daemon

    loaded = settings(config, directory)
    logs.configure(format=loaded.log_format, level=loaded.log_level)
    Daemon(loaded, lambda: settings(config, directory)).run()
    return 0
