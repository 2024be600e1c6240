"""What the metrics say of a cluster."""

