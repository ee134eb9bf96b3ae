"""The command line: thin callers of `ithaca.runs`.

`program` holds the table of commands and turns errors into messages and exit codes. Every other
module is imported only when one of its commands is called, so that `ithaca --help` stays fast.
`options` and `output` are shared. This room may import every other room; none may import it.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of `ithaca`."""
    from ithaca.cli.program import program

    program.main()
