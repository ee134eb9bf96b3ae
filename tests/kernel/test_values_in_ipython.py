"""Values in a real kernel, as papermill runs it."""

from __future__ import annotations

import json
import os

import pytest
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.slow


class Kernel:
    """One kernel that runs the cells of one step."""

    def __init__(self, chain, **settings):
        chain.root.mkdir(exist_ok=True)
        self.report_path = chain.folder / "report.json"
        step = chain.folder / "step.json"
        step.write_text(
            json.dumps({"root": str(chain.root), "report": str(self.report_path), **settings})
        )
        environment = {"PYTHONPATH": str(chain.kernel), "ITHACA_STEP": str(step)}
        self.manager = KernelManager(
            kernel_name="python3", transport="ipc", connection_file=str(chain.folder / "k.json")
        )
        self.manager.ip = str(chain.folder / "ipc")
        self.manager.start_kernel(
            env={**os.environ, **environment, "PYTHONHASHSEED": "0"}, cwd=str(chain.root)
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code):
        """Run a cell; returns its message id and the error, if any."""
        message = self.client.execute(code)
        while True:
            reply = self.client.get_shell_msg()
            if reply["parent_header"]["msg_id"] == message:
                break
        content = reply["content"]
        return message, content if content["status"] == "error" else None

    def ok(self, *cells):
        for code in cells:
            error = self.run(code)[1]
            assert error is None, error

    @property
    def report(self):
        return json.loads(self.report_path.read_text())


LOAD = "import ithaca_kernel; ithaca_kernel.load()"
SAVE = "import ithaca_kernel; ithaca_kernel.save()"


def test_values_go_from_kernel_to_kernel(chain):
    names = ["a", "b", "f", "m", "Model", "fig"]
    with Kernel(chain, writes=names, read_later=names) as kernel:
        kernel.ok(
            LOAD,
            "a = [1]; b = a\ndef f(): return a, display, get_ipython()\n"
            "class Model:\n    def me(self): return __class__\nm = Model(); fig = print",
            SAVE,
        )
    with Kernel(chain, reads=names) as kernel:
        kernel.ok(
            LOAD,
            "assert f()[0] is a is b and m.me() is Model and f()[2] is get_ipython()",
            "assert 'ithaca_kernel' not in globals() and f.__globals__ is globals()",
            SAVE,
        )
        assert not any(value["changed"] for value in kernel.report["values"])


def test_the_failing_line_of_the_failing_cell_is_reported(chain):
    with Kernel(chain) as kernel:
        kernel.ok(LOAD, "def f():\n    raise KeyError('here')")
        message, _ = kernel.run("x = 1\n\nf()\n")
        exception = kernel.report["exception"]
    assert (exception["name"], exception["value"], exception["line"]) == ("KeyError", "'here'", 3)
    assert exception["execution"] == message
    assert exception["frames"][-1]["function"] == "f"


def test_the_line_inside_a_function_of_the_same_cell_is_reported(chain):
    with Kernel(chain) as kernel:
        kernel.ok(LOAD)
        kernel.run("def f():\n    return 1 / 0\n\nf()")
        assert kernel.report["exception"]["line"] == 2


def test_a_syntax_error_is_reported_with_its_line(chain):
    with Kernel(chain) as kernel:
        kernel.ok(LOAD)
        kernel.run("x = 1\nx = = 2")
        exception = kernel.report["exception"]
    assert (exception["name"], exception["line"]) == ("SyntaxError", 2)


def test_a_problem_of_a_value_is_an_error_not_an_exception_of_the_user(chain):
    with Kernel(chain, reads=["missing"]) as kernel:
        error = kernel.run(LOAD)[1]
        report = kernel.report
    assert error["ename"] == "ValueProblem"
    assert report["error"]["code"] == "ITH512"
    assert report["exception"] is None
