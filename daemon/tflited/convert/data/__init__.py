"""Samples and labels from files, checked before anything is fed with them."""
