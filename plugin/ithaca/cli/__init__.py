"""The command line: thin callers of `ithaca.runs`, nouns and verbs.

`program` is the table of commands and the one place where errors become messages and exit codes;
every other module holds the commands of one noun and is imported when one of them is called, so
that `ithaca --help` stays as quick as an empty program. The room may import every other one and
is imported by none.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of `ithaca`."""
    from ithaca.cli.program import program

    program.main()
