"""What the daemon tells about itself: logs, metrics and the messages to systemd."""
