"""The Executor over a Dask cluster: the daemon's side, the worker's side, and what crosses."""
