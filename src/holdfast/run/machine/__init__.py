"""Whose the machine was while a run measured: ours, the target's, or somebody else's; and which runs were on beside it.

`surroundings` is used by the runner, `judged` by the judgement.
"""
