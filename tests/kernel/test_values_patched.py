from __future__ import annotations


def test_a_step_may_patch_json_and_open(chain):
    chain.step(
        "import builtins, io, json, os\n"
        "def refuse(*_, **__): raise RuntimeError('patched')\n"
        "json.dumps = json.loads = json.JSONEncoder = json.dump = refuse\n"
        "builtins.open = io.open = refuse\n"
        "x = [1, 2]",
        writes="x",
    )
    assert chain.step("print(x)", reads="x")["stdout"] == "[1, 2]\n"
