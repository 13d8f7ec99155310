"""Where histories come from: a run or the monitor, Prometheus, CSV. Alone in `slo` it opens anything.

Each source gives the same `History`, so that what is worked out from it means the same wherever it came from.
"""
