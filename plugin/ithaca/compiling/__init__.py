"""Compiling: from a notebook to a workflow.

`compile` and `check` call `notebook` and `analysis` and return a `Workflow`. `load` reads a
workflow from JSON and has its JSON Schema. `arguments` parses and checks the values of parameters.
The room may import `model`, `notebook` and `analysis`; the workflow goes to `planning` next.
"""
