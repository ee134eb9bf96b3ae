"""`python -m pip` in a step: the user's pip, with `--user` dropped."""

import os
import sys

if sys.path[0] in ("", os.getcwd()):  # as pip does: it must not import from the working directory
    sys.path.pop(0)
sys.argv[1:] = [argument for argument in sys.argv[1:] if argument != "--user"]

from pip._internal.cli.main import main  # noqa: E402

sys.exit(main())
