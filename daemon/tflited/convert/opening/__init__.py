"""Every kind of model becomes one form: a Source with signatures."""
