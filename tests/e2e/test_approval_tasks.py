"""Approvals as ApprovalTasks, answered in manual-approval-gate or with Ithaca."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cluster_places import CREDENTIALS, SECRET, TektonPlace, connect
from ithaca.backends.kubernetes import Object
from ithaca_tekton.approvals import APPROVAL_TASK, GROUP
from ithaca_tekton.engine import PIPELINE_RUN
from outside import Outside
from places import POLL, Json, statuses

pytestmark = pytest.mark.cluster

ASK = ("step:ask approval:Really?", "x = 1")
AFTER = ("step:after prev:ask", "y = x")


def kubectl(*words: str, **given: str) -> str:
    command = ["kubectl", *words, *(f"--{name}={value}" for name, value in given.items())]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A new namespace, in which only the administrator has permissions."""
    missing = "" if shutil.which("kubectl") else "there is no kubectl"
    if reason := TektonPlace.unavailable() or missing:
        pytest.skip(reason)
    if not connect().has_api(GROUP):
        pytest.skip(f"the cluster of KUBECONFIG has no {GROUP}")
    name = f"approval-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, wait="false")


class ApprovalPlace(TektonPlace):
    """A project whose approvals are ApprovalTasks for `ann` and `bob`, in its own namespace."""

    def prepare(self, namespace: str, required: int = 1) -> None:
        """Apply the output of `ithaca manifests` to the namespace."""
        self.namespace = namespace
        self.cluster = connect().within(namespace)
        approvers = [self.name(user) for user in ("ann", "bob")]
        setting = f"{{approvers = {json.dumps(approvers)}, required = {required}}}"
        self.settings(f'approval_task = {setting}\nservice_account = "pods"')
        printed = self.ithaca("manifests", "tekton")
        assert printed.returncode == 0, printed.stderr
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}}
        documents = yaml.safe_load_all(printed.stdout)
        for each in (*documents, {**secret, "stringData": CREDENTIALS}):
            if each is not None:
                self.cluster.apply(each)

    def name(self, user: str) -> str:
        """The name of a user in the API server."""
        return f"system:serviceaccount:{self.namespace}:{user}"

    def kubeconfig(self, user: str) -> str:
        """The kubeconfig of a user who has only the printed role for submitting."""
        path = self.folder.parent / f"{user}.yaml"
        if not path.exists():
            metadata = {"metadata": {"name": user}}
            group = "rbac.authorization.k8s.io"
            self.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", **metadata})
            self.cluster.apply(
                {
                    "apiVersion": f"{group}/v1",
                    "kind": "RoleBinding",
                    **metadata,
                    "roleRef": {"apiGroup": group, "kind": "Role", "name": "ithaca-tekton-submit"},
                    "subjects": [{"kind": "ServiceAccount", "name": user}],
                }
            )
            token = kubectl("create", "token", user, namespace=self.namespace).strip()
            config = yaml.safe_load(kubectl("config", "view", "--raw", "--minify", "--flatten"))
            config["users"] = [{"name": user, "user": {"token": token}}]
            config["contexts"][0]["context"]["user"] = user
            path.write_text(yaml.safe_dump(config))
        return str(path)

    def approval_task(self, run: str) -> Object:
        """Wait for the ApprovalTask of a run, and return it."""
        (found,), _ = self.cluster.list(PIPELINE_RUN, labels={"ithaca/run": run})
        labels = {"tekton.dev/pipelineRun": found["metadata"]["name"]}
        while not (tasks := self.cluster.list(APPROVAL_TASK, labels=labels)[0]):
            time.sleep(POLL)
        return tasks[0]

    def patch(self, run: str, user: str, decision: str, message: str) -> None:
        """Answer with kubectl only."""
        task = self.approval_task(run)
        for each in task["spec"]["approvers"]:
            if each["name"] == self.name(user):
                each.update({"input": decision, "message": message})
        kubectl(
            *("patch", "approvaltask", task["metadata"]["name"], "--type=merge"),
            patch=json.dumps({"spec": {"approvers": task["spec"]["approvers"]}}),
            namespace=self.namespace,
            kubeconfig=self.kubeconfig(user),
        )

    def answer(self, run: str, user: str, decision: str) -> subprocess.CompletedProcess[str]:
        """Answer with Ithaca."""
        words = ("runs", decision, f"{run}/ask", "--comment", "because")
        return self.ithaca(*words, KUBECONFIG=self.kubeconfig(user))


@pytest.fixture
def place(tmp_path: Path, namespace: str) -> Iterator[ApprovalPlace]:
    with TektonPlace.reserved():
        found = ApprovalPlace(tmp_path / f"p{uuid.uuid4().hex[:8]}")
        found.prepare(namespace)
        yield found


def recorded_answer(result: Json) -> tuple[str, str, str]:
    """The recorded answer to the first step's question: answer, user and comment."""
    answer = result["steps"][0]["answer"]
    return answer["answer"], answer["by"], answer["comment"]


def test_an_approval_in_the_cluster_runs_the_step_and_is_recorded_without_a_watcher(
    place: ApprovalPlace,
) -> None:
    place.notebook(ASK, AFTER)
    run = place.start()
    place.patch(run, "ann", "approve", "looks good")
    result = place.end(run)
    assert (result["status"], statuses(result)) == (
        "succeeded",
        {"ask": "succeeded", "after": "succeeded"},
    )
    assert recorded_answer(result) == ("approved", place.name("ann"), "looks good")


def test_a_rejection_in_the_cluster_fails_the_step_and_other_branches_continue(
    place: ApprovalPlace, outside: Outside
) -> None:
    place.notebook(
        outside.cell,
        ASK,
        AFTER,
        ("step:other", "outside('gate', 'other')"),
        ("step:last prev:other", "z = 1"),
    )
    run = place.start()
    place.patch(run, "bob", "reject", "too early")
    place.wait(run, lambda result: statuses(result)["ask"] == "failed")
    outside.open("other")
    result = place.end(run)
    assert result["status"] == "failed"
    assert statuses(result) == {
        "ask": "failed",
        "after": "skipped",
        "other": "succeeded",
        "last": "succeeded",
    }
    assert recorded_answer(result) == ("rejected", place.name("bob"), "too early")
    assert result["steps"][0]["error"]["code"] == "ITH623"


@pytest.mark.parametrize(("decision", "status"), [("approve", "succeeded"), ("reject", "failed")])
def test_an_approver_answers_with_ithaca(place: ApprovalPlace, decision: str, status: str) -> None:
    place.notebook(ASK)
    run = place.start()
    done = place.answer(run, "ann", decision)
    assert done.returncode == 0, done.stderr
    result = place.end(run)
    assert result["status"] == status
    assert recorded_answer(result)[1:] == (place.name("ann"), "because")


def test_an_answer_by_another_user_is_refused_and_lists_the_approvers(place: ApprovalPlace) -> None:
    place.notebook(ASK)
    run = place.start()
    place.approval_task(run)
    done = place.answer(run, "eve", "approve")
    assert (done.returncode, "ITH682" in done.stderr) == (2, True), done.stderr
    assert place.name("ann") in done.stderr
    assert statuses(place.show(run))["ask"] == "waiting"
    assert place.ithaca("runs", "cancel", run).returncode == 0


def test_a_step_that_requires_two_approvals_waits_after_the_first(
    place: ApprovalPlace, namespace: str
) -> None:
    place.prepare(namespace, required=2)
    place.notebook(ASK)
    run = place.start()
    assert place.answer(run, "ann", "approve").returncode == 0
    again = place.answer(run, "ann", "approve")
    assert (again.returncode, "already" in again.stderr) == (4, True), again.stderr
    assert statuses(place.show(run))["ask"] == "waiting"
    assert place.answer(run, "bob", "approve").returncode == 0
    result = place.end(run)
    assert result["status"] == "succeeded"
    assert {*recorded_answer(result)[1].split(", ")} == {place.name("ann"), place.name("bob")}


def test_cancelling_a_waiting_run_rejects_its_approval_task(
    place: ApprovalPlace,
) -> None:
    place.notebook(ASK, AFTER)
    run = place.start()
    place.approval_task(run)
    done = place.ithaca("runs", "cancel", run, KUBECONFIG=place.kubeconfig("ann"))
    assert done.returncode == 0, done.stderr
    result = place.show(run)
    assert (result["status"], statuses(result)) == (
        "cancelled",
        {"ask": "cancelled", "after": "skipped"},
    )
    wait_until(lambda: place.approval_task(run)["status"]["state"] == "rejected")
    wait_until(lambda: condition(place, run)["status"] == "False")


def test_a_reused_step_needs_no_approval(place: ApprovalPlace) -> None:
    place.notebook(ASK)
    run = place.start()
    place.patch(run, "ann", "approve", "")
    assert place.end(run)["status"] == "succeeded"
    code, result = place.run()
    assert (code, statuses(result)) == (0, {"ask": "reused"})


def test_the_doctor_checks_manual_approval_gate_and_its_permissions(place: ApprovalPlace) -> None:
    done = place.ithaca("doctor", "--backend", "tekton", "--json")
    checks = {each["what"]: each for each in json.loads(done.stdout)["checks"]}
    assert checks["manual-approval-gate"]["status"] == "ok"
    assert "list approvaltasks" in checks["service account"]["found"]


def condition(place: ApprovalPlace, run: str) -> Json:
    (found,), _ = place.cluster.list(PIPELINE_RUN, labels={"ithaca/run": run})
    (only,) = found["status"]["conditions"]
    return dict(only)


def wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(POLL)
