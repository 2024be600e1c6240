"""The durable job queue in SQLite, and the lock that makes one daemon its only writer."""
