"""Capacity and sizing arithmetic: which rate to try next, what a bracket means, how many replicas a peak needs.

Pure: numbers in, frozen dataclasses out. Only `question` is given files' contents.
"""
