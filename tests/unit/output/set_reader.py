"""A program for test_readers.py: reads a set over and over until its input ends.

Called as ``set_reader.py DIRECTORY``. Opens the set's folder, then reads every file of the manifest
relative to it. Prints how many sets it read whole, how many were mixed, how many incomplete, and
how often there was no folder.
"""

import hashlib
import json
import os
import select
import sys


def content(name: str, folder: int) -> bytes:
    """All bytes of a file of the open folder."""
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as stream:
        return stream.read()


def look(directory: str) -> str:
    """Reads one set; says how it was."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return "absent"
    try:
        files = json.loads(content("manifest.json", folder))["files"]
        same = [
            hashlib.sha256(content(file["path"], folder)).hexdigest() == file["sha256"]
            for file in files
        ]
    except FileNotFoundError:
        return "incomplete"
    finally:
        os.close(folder)
    return "whole" if all(same) else "mixed"


def main(directory: str) -> None:
    """Reads until the input ends."""
    seen = {"absent": 0, "whole": 0, "mixed": 0, "incomplete": 0}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not select.select([0], [], [], 0)[0]:
        seen[look(directory)] += 1
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
