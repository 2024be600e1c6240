"""The data plane of a cluster: models to workers, artifacts back; their bytes pass no scheduler."""
