"""Owns the configuration: schema, loading, and the policy in force for each model."""
