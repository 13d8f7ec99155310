"""holdfast: load-test, watch, break and size an account self-service stack."""

__version__ = "0.1.0"
