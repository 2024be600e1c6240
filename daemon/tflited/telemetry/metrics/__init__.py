"""Every metric of the daemon: one file for each subject, one registry, closed sets of labels."""
