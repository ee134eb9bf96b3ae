"""The law for the state of a process besides variables: files, environment, modules."""

# ruff: noqa: E501 - a cell is one string

from __future__ import annotations

import pytest
from law_notebooks import Bench, Cells, difference, in_a_row

NOTEBOOKS: dict[str, Cells] = {
    "files, relative and absolute": in_a_row(
        "from pathlib import Path\nroot = Path.cwd()\nPath('data').mkdir()\n(root / 'data' / 'a.csv').write_text('1,2')\n"
        "path = Path('data/a.csv').resolve()",
        "rows = path.read_text().split(',')\nwith open(root / 'out.txt', 'a') as out:\n    out.write(','.join(rows))",
        "print(open('out.txt').read(), path.exists(), sorted(p.name for p in root.rglob('*.csv')))\npath.unlink()",
        "print(path.exists(), list(Path('data').iterdir()))",
    ),
    "os.chdir": in_a_row(
        "import os\nos.makedirs('work/sub')\nos.chdir('work')\nopen('x.txt', 'w').write('here')",
        "print(os.path.basename(os.getcwd()), os.listdir('.'))\nos.chdir('sub')",
        "print(os.path.exists('../x.txt'))\n%cd ..\nprint(os.path.basename(os.getcwd()))".replace(
            "%cd ..", "os.chdir('..')"
        ),
        "print(open('x.txt').read())",
    ),
    "the environment": in_a_row(
        "import os\nos.environ['LAW_A'] = '1'\nos.environ['LAW_B'] = '2'",
        "print(os.environ['LAW_A'])\ndel os.environ['LAW_B']\nos.environ['LAW_A'] += '!'",
        "print(os.environ['LAW_A'], 'LAW_B' in os.environ)\n!echo $LAW_A",
        "%env LAW_C=3\nprint(os.getenv('LAW_C'))",
        "print(os.getenv('LAW_C'))",
    ),
    "sys.path and a module that a step writes": in_a_row(
        "import os, sys\nos.makedirs('lib')\nopen('lib/law_written.py', 'w').write('def f():\\n    return 7\\n')\n"
        "sys.path.append(os.path.abspath('lib'))\nimport law_written\nprint(law_written.f())",
        "print(law_written.f())\ng = law_written.f",
        "from law_written import f\nprint(g is f, g())",
    ),
    "%%writefile": in_a_row(
        "%%writefile law_tool.py\ndef twice(x):\n    return 2 * x",
        "from law_tool import twice\nprint(twice(2))",
        "print(twice(4))",
    ),
    "a working directory, an environment and files over a diamond": [
        ("a", "import os\nos.environ['LAW'] = 'a'\nos.mkdir('d')\nos.chdir('d')"),
        ("b < a", "open('b', 'w').write(os.environ['LAW'])"),
        ("c < a", "x = os.path.basename(os.getcwd())"),
        ("d < b, c", "print(os.listdir('.'), x, os.environ['LAW'])"),
    ],
    "temporary folders and shell commands": in_a_row(
        "import tempfile, os\nfolder = 'build'\nos.makedirs(folder)\n!touch {folder}/a $folder/b",
        "names = !ls {folder}\nprint(list(names))\n!mv {folder}/a {folder}/c",
        "files = sorted(os.listdir(folder))\nprint(files)",
    ),
    "a logger": in_a_row(
        "log = logging.getLogger('law')\nlog.setLevel(logging.INFO)\nclass Keep(logging.Handler):\n    def emit(self, "
        "record):\n        kept.append(record.getMessage())\nkept = []",
        "n = 1",
        "print(kept, log.name)",
        imports="import logging",
    ),
    "the recursion limit of a helper": in_a_row(
        "def depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)", "print(depth(50))"
    ),
    "sqlite in a file": in_a_row(
        "import sqlite3\nwith sqlite3.connect('law.db') as db:\n    db.execute('create table t (x)')\n    "
        "db.execute('insert into t values (1)')\ndb.close()\ndel db",
        "db = sqlite3.connect('law.db')\nprint(db.execute('select * from t').fetchall())\ndb.close()",
    ),
    "json, csv and pickle files": in_a_row(
        "import json, csv, pickle\njson.dump({'a': [1]}, open('a.json', 'w'))\nclass P:\n    v = 3\n"
        "with open('p.pkl', 'wb') as f:\n    pickle.dump([1, {'k': (2,)}], f)\ndel f",
        "d = json.load(open('a.json'))\nwith open('p.pkl', 'rb') as f:\n    q = pickle.load(f)\nprint(d, q)",
    ),
    "a pickle of an instance of the notebook's class": in_a_row(
        "import pickle\nwith open('p.pkl', 'wb') as f:\n    pickle.dump(P(), f)\ndel f",
        "with open('p.pkl', 'rb') as f:\n    q = pickle.load(f)\nprint(q.v, isinstance(q, P))",
        functions="class P:\n    def __init__(self):\n        self.v = 3",
    ),
    "threads and processes that end within a step": in_a_row(
        "from concurrent.futures import ThreadPoolExecutor\ndef work(x):\n    return x * k\nk = 3\nwith "
        "ThreadPoolExecutor(2) as pool:\n    out = list(pool.map(work, [1, 2]))\ndel pool",
        "import multiprocessing as mp\nwith mp.get_context('fork').Pool(1) as pool:\n    more = pool.map(work, out)\n"
        "del pool",
        "print(out, more)",
    ),
}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_processes_keep_the_law(bench: Bench, cells: Cells) -> None:
    assert difference(bench.compare(cells)) == ""
