"""A preload that says something from Python, something from below it, and then too much."""

import os
import sys

sys.stdout.write("from python\n")
sys.stdout.flush()
os.write(2, b"\x1b[31mfrom below:\x1b[0m \x1b\x1b[K done\n")
for number in range(100_000):
    os.write(2, f"line {number}\n".encode())
