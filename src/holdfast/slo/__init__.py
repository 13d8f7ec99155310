"""Objectives and their arithmetic: OpenSLO files in; counts, verdicts, budgets and the guard's word out.

Arrays in, frozen dataclasses out, no clock; only `openslo` is given files' contents.
"""
