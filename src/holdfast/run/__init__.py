"""The one runner: plan in, run folder out."""
