"""PromQL of an indicator: the same question, asked of Prometheus instead of a run's record. Text in, text out.

    events in a range   sum(increase(holdfast_samples_total{…}[5m]))        error ratio   bad events / total events

Metrics that holdfast exports (see `holdfast.monitor.exporter`):

    holdfast_samples_total{source, name, outcome, scenario}                 counter
    holdfast_response_seconds_bucket{source, name, outcome, scenario, le}   histogram of response time from the due time

`name` is the sample's whole name ("billing_inquiry/list_invoices"), `scenario` its first part, and a name's depth is
its number of slashes, so that a selector's globs become one anchored pattern.
"""
