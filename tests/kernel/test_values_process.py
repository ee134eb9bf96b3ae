"""Later steps continue with the generators, environment, path and working directory."""

from __future__ import annotations


def session(chain):
    folder = chain.values / "session"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_seeded_generators_continue(chain):
    together = chain.step(
        "import random, numpy as np\nrandom.seed(1); np.random.seed(1)\n"
        "random.random(); np.random.normal(); print(random.random(), np.random.normal())"
    )
    chain.step(
        "import random, numpy as np\nrandom.seed(1); np.random.seed(1)\n"
        "random.random(); np.random.normal()"
    )
    apart = chain.step("import random, numpy as np\nprint(random.random(), np.random.normal())")
    assert apart["stdout"] == together["stdout"]


def test_a_seed_in_the_imports_does_not_restart_generators(chain):
    seed = "import random; random.seed(3)"
    first = chain.step("print(random.random())", prelude=seed)
    second = chain.step("print(random.random())", prelude=seed)
    third = chain.step("print(random.random())", prelude=seed)
    assert len({first["stdout"], second["stdout"], third["stdout"]}) == 3


def test_unused_generators_are_not_saved(chain):
    chain.step("import random, numpy as np")
    chain.step("", prelude="import numpy as np; np.random.seed(1)")
    assert session(chain) == []


def test_a_generator_value_keeps_its_stream(chain):
    chain.step("import numpy as np\nrng = np.random.default_rng(1); rng.random()", writes="rng")
    report = chain.step("print(rng.random())", reads="rng")
    expected = chain.step(
        "import numpy as np\nr = np.random.default_rng(1); r.random(); print(r.random())"
    )
    assert report["stdout"] == expected["stdout"]


def test_later_steps_see_changes_of_the_environment(chain):
    chain.step("import os; os.environ['NEW'] = 'x'; del os.environ['OLD']", env={"OLD": "1"})
    report = chain.step(
        "import os; print(os.environ.get('NEW'), os.environ.get('OLD'))", env={"OLD": "1"}
    )
    assert report["stdout"].split() == ["x", "None"]
    assert session(chain) == ["environ.json"]


def test_a_secret_is_not_kept_in_the_environment(chain):
    chain.step("import os; os.environ['TOKEN'] = 'hush'; os.environ['A'] = 'b'", secrets=["TOKEN"])
    assert b"hush" not in (chain.values / "session" / "environ.json").read_bytes()


def test_later_steps_start_in_the_working_directory(chain):
    chain.step("import os; os.mkdir('sub'); os.chdir('sub')")
    assert chain.step("import os; print(os.path.basename(os.getcwd()))")["stdout"].strip() == "sub"
    assert b"{root}/sub" in (chain.values / "session" / "cwd.json").read_bytes()


def test_later_steps_see_changes_of_the_path_in_order(chain):
    chain.step("import sys; sys.path.insert(0, '/first'); sys.path.append('/last')")
    report = chain.step("import sys; print(sys.path[0], sys.path[-1])")
    assert report["stdout"].split() == ["/first", "/last"]


def test_modules_below_an_added_path_are_found_when_values_are_loaded(chain):
    (chain.root / "lib").mkdir(parents=True)
    (chain.root / "lib" / "helper_two.py").write_text("class H: pass\n")
    chain.step(
        "import sys, os; sys.path.insert(0, os.path.abspath('lib'))\n"
        "import helper_two\nv = helper_two.H()",
        writes="v",
    )
    chain.step("assert type(v).__module__ == 'helper_two'", reads="v")


def test_a_value_at_the_address_of_a_freed_output_is_saved(chain):
    chain.step(
        "sys.stdout = real\ntexts = [io.StringIO(str(n)) for n in range(100)]",
        prelude="import io, sys; real = sys.stdout; sys.stdout = io.StringIO()",
        writes="texts",
    )
    later = chain.step("print([t.getvalue() for t in texts][:3])", reads="texts")
    assert later["stdout"] == "['0', '1', '2']\n"
