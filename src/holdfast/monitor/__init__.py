"""What keeps watch: so far the exporter, which tells Prometheus what records hold."""
