"""Records: the documents of runs, which are created once and never changed.

`names` says where each document is in the store, `journal` reads and writes those of one run,
`fold` computes the status of a run from them, `ends` writes the ends of attempts and runs, and
`travel` copies runs to and from a remote. Reading never writes. The room may import the models and
the store. Runners and backends write here; the command line and other views only read.
"""
