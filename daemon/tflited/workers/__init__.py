"""Running attempts: the zygote, its children and the daemon's side of both."""
