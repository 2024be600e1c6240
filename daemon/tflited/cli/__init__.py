"""The command line: one file per command."""


def main() -> int:
    """Runs the command line."""
    raise NotImplementedError
