"""The doors for triggers: the document itself, and the spool folder."""
