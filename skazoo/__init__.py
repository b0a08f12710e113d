"""skazoo."""
