from __future__ import annotations

import pytest

from ithaca.errors import UsageError
from ithaca.model.workflow import Code, Secret, Source, Step, Workflow
from ithaca.runs.secrets import refuse_named_credentials, refuse_secret_arguments


def workflow(source: str, notebook: str = "nb.ipynb") -> Workflow:
    code = Code(cell=3, kind="user", source=source)
    secret = Secret(secret="s", key="k", env="TOKEN")
    return Workflow(
        name="w",
        steps=(Step(name="load", code=(code,), secrets=(secret,)),),
        source=Source(notebook=notebook, digest="d"),
    )


@pytest.mark.parametrize("value", ["a hunter-22 b", ["x", {"y": "hunter-22"}], {"hunter-22": 1}])
def test_a_parameter_that_contains_a_secret_is_refused_by_name(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter-22")
    with pytest.raises(UsageError) as raised:
        refuse_secret_arguments(workflow("1"), {"lr": 1, "key": value})
    assert raised.value.message == "the parameter key contains the secret in TOKEN"
    assert "hunter" not in str(raised.value)


def test_a_short_or_missing_secret_is_in_no_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "short")
    refuse_secret_arguments(workflow("1"), {"key": "short"})
    monkeypatch.delenv("TOKEN")
    refuse_secret_arguments(workflow("1"), {"key": ""})


@pytest.mark.parametrize(
    ("source", "notebook", "left_out"),
    [
        ("x = 1\nload('.env')", "nb.ipynb", ".env"),
        ("load('./.env')", "nb.ipynb", ".env"),
        ("load('../.env')", "nb/nb.ipynb", ".env"),
        ("load('key.pem')", "nb/nb.ipynb", "nb/key.pem"),
        ("load(Path('conf') / 'secrets.toml')", "nb.ipynb", "conf/secrets.toml"),
        ("load(f'{root}/conf/secrets.toml')", "nb.ipynb", "conf/secrets.toml"),
        ("load('/project/conf/secrets.toml')", "nb.ipynb", "conf/secrets.toml"),
        ("open('credentials')", "nb.ipynb", "credentials"),
        ("open('.aws/credentials')", "nb.ipynb", ".aws/"),
        ("!grep KEY .env > key", "nb.ipynb", ".env"),
        ("%dotenv .env", "nb.ipynb", ".env"),
        ("%%bash\nsource .env", "nb.ipynb", ".env"),
    ],
)
def test_a_step_that_names_a_file_of_credentials_is_refused(
    source: str, notebook: str, left_out: str
) -> None:
    with pytest.raises(UsageError) as raised:
        refuse_named_credentials(workflow(source, notebook), (left_out,), "/project")
    assert f"step `load`, cell 3 line {source.count(chr(10)) + 1 if '%%' not in source else 1}" in (
        raised.value.message
    )
    assert f"`!/{left_out}`" in raised.value.cure


@pytest.mark.parametrize(
    ("source", "left_out"),
    [
        ("config['credentials']", "conf/credentials"),
        ("open('/etc/ssl/cert.pem')", "cert.pem"),
        ("open('~/.aws/credentials')", ".aws/"),
        ("name.endswith('.pem')", "cert.pem"),
        ("'''Reads\n.env'''", ".env"),
        ("# .env", ".env"),
        ("not python '.env'", ".env"),
    ],
)
def test_what_only_looks_like_it_is_not_refused(source: str, left_out: str) -> None:
    refuse_named_credentials(workflow(source), (left_out,), "/project")
