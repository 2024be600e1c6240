"""Decides what is built: intake, reconcile, dispatch, outcome; reaches the world through ports."""
