"""The HTTP door: metrics, health, answers about models and jobs, and triggers."""
