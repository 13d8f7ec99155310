"""Chaos: experiments that put a fault into the target, watch what it does, and always take it out again.

    experiment   a file under `chaos/`, checked strictly               faults/    one file per kind of fault
    actions, probes, control   what experiment files name              undo       the write-ahead undo log
    child, session, verdict    one experiment, run by Chaos Toolkit    scorecard  what the fault cost, from the samples

Nothing here imports Chaos Toolkit but `session` and `control`, which only the child process loads.
"""
