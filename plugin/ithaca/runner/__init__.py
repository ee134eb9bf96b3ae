"""The runner: executes one attempt of a step, the same way in every backend.

`python -m ithaca.runner TASK.json` restores the step's before snapshot, runs its cells through
papermill in a kernel of the user's own interpreter, takes the after snapshot and publishes the
execution. `step` is the order of these; `environment` and `overlay` describe the user's
interpreter and hold what a step installs; `root`, `enter` and `kernel` start its kernel at the
project root's own path and end it reliably, `processes` with everything that it started;
`notebook` and `engine` are what papermill executes and how; `recording`, `log` and `outputs` keep
what cells print; `failure` words errors. The modules in `inside` run in the user's interpreter.

The room may import planning's keys, the records, the store and the workflow. Its results are
documents in the store, where backends and views read them.
"""
