"""Planning: which steps of a workflow must run, and which are already known.

A key is a digest of everything that a step's result depends on. `keys` computes it, publishes
executions under it and looks them up; `plan` walks a workflow from its roots and decides for each
step; `reused` writes the ends of steps that are reused. The room may import the workflow's model,
the records and the store. Its plan goes into the run's document, where backends read it.
"""
