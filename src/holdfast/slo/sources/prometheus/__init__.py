"""Prometheus as a source: what it is asked, how, and as whom."""

from holdfast.slo.sources.prometheus.connection import Connection, connection_of
from holdfast.slo.sources.prometheus.source import PrometheusSource

__all__ = ["Connection", "PrometheusSource", "connection_of"]
