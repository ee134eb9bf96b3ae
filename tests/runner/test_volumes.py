"""Volumes are mounted for steps and left out of snapshots."""

from __future__ import annotations

from pathlib import Path

import pytest
from step_project import Project, step

from ithaca.errors import UsageError
from ithaca.model.workflow import Source, Volume, Workflow
from ithaca.runner import cells as cells_module
from ithaca.runner.environment import Environment
from ithaca.runner.root import View, choose
from ithaca.runner.volumes import Mount, check, left_out, mounts


def workflow(*volumes: Volume) -> Workflow:
    return Workflow(name="w", source=Source(notebook="nb.ipynb", digest="d"), volumes=volumes)


def test_a_mount_path_below_the_root_of_the_project_or_of_pods_is_relative_to_the_root(
    tmp_path: Path,
) -> None:
    known = workflow(
        Volume(name="a", mount_path=f"{tmp_path}/in", path="/data"),
        Volume(name="b", mount_path="/project/in/side", path="raw", read_only=False),
        Volume(name="c", mount_path="/elsewhere", path="/data"),
        Volume(name="d", mount_path="/claimed", claim="d"),
    )
    assert mounts(known, tmp_path) == (
        Mount(source="/data", target="in"),
        Mount(source="/data", target="/elsewhere"),
        Mount(source=f"{tmp_path}/raw", target="in/side", read_only=False),
    )


def test_a_volume_at_its_own_path_is_not_mounted(tmp_path: Path) -> None:
    data, root = tmp_path / "data", tmp_path / "root"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    for path in (data, tmp_path / "link"):
        known = workflow(Volume(name="a", mount_path=str(path), path=str(data)))
        assert mounts(known, root) == ()
        assert check(known, root) == ()


def test_snapshots_leave_out_volumes(tmp_path: Path) -> None:
    known = workflow(
        Volume(name="a", mount_path="/project/in [1]", path="raw"),
        Volume(name="b", mount_path="/data", claim="b"),
    )
    assert left_out(known, tmp_path) == ["/in\\ \\[1\\]", "/raw"]


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder on this machine"):
        check(workflow(Volume(name="a", mount_path="/project/in", path="raw")), tmp_path)


def test_a_missing_mount_path_is_refused(tmp_path: Path) -> None:
    known = workflow(Volume(name="a", mount_path="/no/such/folder", path=str(tmp_path)))
    with pytest.raises(UsageError) as raised:
        check(known, tmp_path / "root")
    assert raised.value.code == "ITH627"
    assert raised.value.where == "volume a"


def test_a_volume_over_the_whole_project_is_refused(tmp_path: Path) -> None:
    known = workflow(Volume(name="a", mount_path="/project", path=str(tmp_path)))
    with pytest.raises(UsageError, match="over the whole project"):
        check(known, tmp_path)


def test_a_claim_gives_a_notice_that_it_is_not_mounted(tmp_path: Path) -> None:
    (notice,) = check(workflow(Volume(name="a", mount_path="/marshal", claim="a")), tmp_path)
    assert "not mounted on this machine" in notice
    assert "/marshal" in notice


READ = "rows = open('in/rows.txt').read()"
WRITE = "open('in/more.txt', 'w').write('1')"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "rows.txt").write_text("1 2 3")
    return folder


@pytest.fixture(params=[True, False], ids=["namespace", "links"])
def private(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    def wanted(*args: object, **more: object) -> View:
        view = choose(*args, **more, private=request.param)  # type: ignore[arg-type]
        if request.param and not view.private:
            pytest.skip("this machine has no user and mount namespaces")
        return view

    monkeypatch.setattr(cells_module.roots, "choose", wanted)
    return bool(request.param)


def run(project: Project, volume: Volume, *sources: str) -> object:
    project.define(step("a", *sources), volumes=(volume,))
    return project.run("a", mounts=mounts(project.workflow, project.root))


@pytest.mark.slow
def test_a_step_reads_and_writes_a_volume_and_its_snapshot_leaves_it_out(
    project: Project, data: Path, private: bool
) -> None:
    volume = Volume(name="d", mount_path="/project/in", path=str(data), read_only=False)
    end = run(project, volume, READ, WRITE, "open('own.txt', 'w').close()")
    assert end.status == "succeeded", end.error  # type: ignore[attr-defined]
    assert (data / "more.txt").read_text() == "1"
    assert project.files("a") == ["own.txt"]


@pytest.mark.slow
def test_a_read_only_volume_cannot_be_written(
    project: Project, data: Path, own: Environment, tmp_path: Path
) -> None:
    if not choose(project.root, tmp_path, own, tmp_path).private:
        pytest.skip("this machine has no user and mount namespaces")
    end = run(project, Volume(name="d", mount_path="/project/in", path=str(data)), READ, WRITE)
    assert end.error.cell == 2  # type: ignore[attr-defined]
    assert "Read-only file system" in end.error.message  # type: ignore[attr-defined]
    assert sorted(data.iterdir()) == [data / "rows.txt"]


@pytest.mark.slow
def test_a_volume_is_mounted_over_a_folder_outside_the_project_or_the_step_fails(
    project: Project, data: Path, private: bool, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    volume = Volume(name="d", mount_path=str(place), path=str(data))
    end = run(project, volume, f"assert open('{place}/rows.txt').read() == '1 2 3'")
    if private:
        assert end.status == "succeeded", end.error  # type: ignore[attr-defined]
    else:
        assert end.error.code == "ITH540"  # type: ignore[attr-defined]
    assert list(place.iterdir()) == []
