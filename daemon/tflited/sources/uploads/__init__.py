"""Uploads: received out of sight, unpacked by a process of their own, and dropped into a root."""
