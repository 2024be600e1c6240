"""A preload that never ends."""

import threading

threading.Event().wait(600.0)
