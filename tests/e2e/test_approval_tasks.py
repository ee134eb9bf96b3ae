"""Questions as ApprovalTasks, answered in manual-approval-gate itself or through Ithaca."""

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
from places import POLL, Told, statuses

pytestmark = pytest.mark.cluster

ASK = ("step:ask approval:Really?", "x = 1")
AFTER = ("step:after prev:ask", "y = x")


def kubectl(*words: str, **given: str) -> str:
    command = ["kubectl", *words, *(f"--{name}={value}" for name, value in given.items())]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A namespace where nobody has a right yet but its administrator."""
    missing = "" if shutil.which("kubectl") else "there is no kubectl"
    if reason := TektonPlace.absent() or missing:
        pytest.skip(reason)
    if not connect().has_api(GROUP):
        pytest.skip(f"the cluster of KUBECONFIG has no {GROUP}")
    name = f"approval-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, wait="false")


class AskingPlace(TektonPlace):
    """A project whose questions are ApprovalTasks for `ann` and `bob`, in their own namespace."""

    def ask(self, namespace: str, required: int = 1) -> None:
        """Make the namespace ready by what `ithaca manifests` prints."""
        self.namespace = namespace
        self.cluster = connect().within(namespace)
        approvers = [self.name(who) for who in ("ann", "bob")]
        asked = f"{{approvers = {json.dumps(approvers)}, required = {required}}}"
        self.settings(f'approval_task = {asked}\nservice_account = "pods"')
        printed = self.ithaca("manifests", "tekton")
        assert printed.returncode == 0, printed.stderr
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}}
        documents = yaml.safe_load_all(printed.stdout)
        for each in (*documents, {**secret, "stringData": CREDENTIALS}):
            if each is not None:
                self.cluster.apply(each)

    def name(self, who: str) -> str:
        """As whom the API server knows somebody."""
        return f"system:serviceaccount:{self.namespace}:{who}"

    def kubeconfig(self, who: str) -> str:
        """Of somebody who has the printed role for people, and no other right."""
        path = self.folder.parent / f"{who}.yaml"
        if not path.exists():
            metadata = {"metadata": {"name": who}}
            group = "rbac.authorization.k8s.io"
            self.cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", **metadata})
            self.cluster.apply(
                {
                    "apiVersion": f"{group}/v1",
                    "kind": "RoleBinding",
                    **metadata,
                    "roleRef": {"apiGroup": group, "kind": "Role", "name": "ithaca-tekton-submit"},
                    "subjects": [{"kind": "ServiceAccount", "name": who}],
                }
            )
            token = kubectl("create", "token", who, namespace=self.namespace).strip()
            told = yaml.safe_load(kubectl("config", "view", "--raw", "--minify", "--flatten"))
            told["users"] = [{"name": who, "user": {"token": token}}]
            told["contexts"][0]["context"]["user"] = who
            path.write_text(yaml.safe_dump(told))
        return str(path)

    def asked(self, run: str) -> Object:
        """The ApprovalTask of a run, once it is there."""
        (found,), _ = self.cluster.list(PIPELINE_RUN, labels={"ithaca/run": run})
        of = {"tekton.dev/pipelineRun": found["metadata"]["name"]}
        while not (asked := self.cluster.list(APPROVAL_TASK, labels=of)[0]):
            time.sleep(POLL)
        return asked[0]

    def patch(self, run: str, who: str, decision: str, message: str) -> None:
        """Answer as a user of manual-approval-gate does who has nothing but kubectl."""
        asked = self.asked(run)
        for each in asked["spec"]["approvers"]:
            if each["name"] == self.name(who):
                each.update({"input": decision, "message": message})
        kubectl(
            *("patch", "approvaltask", asked["metadata"]["name"], "--type=merge"),
            patch=json.dumps({"spec": {"approvers": asked["spec"]["approvers"]}}),
            namespace=self.namespace,
            kubeconfig=self.kubeconfig(who),
        )

    def answer(self, run: str, who: str, decision: str) -> subprocess.CompletedProcess[str]:
        """Answer through Ithaca."""
        words = ("runs", decision, f"{run}/ask", "--comment", "because")
        return self.ithaca(*words, KUBECONFIG=self.kubeconfig(who))


@pytest.fixture
def place(tmp_path: Path, namespace: str) -> Iterator[AskingPlace]:
    with TektonPlace.kept():
        found = AskingPlace(tmp_path / f"p{uuid.uuid4().hex[:8]}")
        found.ask(namespace)
        yield found


def answered(told: Told) -> tuple[str, str, str]:
    """What is on record of the answer to the first step's question."""
    answer = told["steps"][0]["answer"]
    return answer["answer"], answer["by"], answer["comment"]


def test_what_is_approved_in_the_cluster_runs_and_who_decided_is_on_record_though_nobody_watched(
    place: AskingPlace,
) -> None:
    place.notebook(ASK, AFTER)
    run = place.start()
    place.patch(run, "ann", "approve", "looks good")
    told = place.end(run)
    assert (told["status"], statuses(told)) == (
        "succeeded",
        {"ask": "succeeded", "after": "succeeded"},
    )
    assert answered(told) == ("approved", place.name("ann"), "looks good")


def test_what_is_rejected_in_the_cluster_ends_as_any_rejection_and_other_branches_go_on(
    place: AskingPlace, outside: Outside
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
    place.wait(run, lambda told: statuses(told)["ask"] == "failed")
    outside.open("other")
    told = place.end(run)
    assert told["status"] == "failed"
    assert statuses(told) == {
        "ask": "failed",
        "after": "skipped",
        "other": "succeeded",
        "last": "succeeded",
    }
    assert answered(told) == ("rejected", place.name("bob"), "too early")
    assert told["steps"][0]["error"]["code"] == "ITH623"


@pytest.mark.parametrize(("decision", "status"), [("approve", "succeeded"), ("reject", "failed")])
def test_an_approver_answers_through_ithaca(place: AskingPlace, decision: str, status: str) -> None:
    place.notebook(ASK)
    run = place.start()
    done = place.answer(run, "ann", decision)
    assert done.returncode == 0, done.stderr
    told = place.end(run)
    assert told["status"] == status
    assert answered(told)[1:] == (place.name("ann"), "because")


def test_who_is_no_approver_is_told_who_is_and_the_step_still_waits(place: AskingPlace) -> None:
    place.notebook(ASK)
    run = place.start()
    place.asked(run)
    done = place.answer(run, "eve", "approve")
    assert (done.returncode, "ITH682" in done.stderr) == (2, True), done.stderr
    assert place.name("ann") in done.stderr
    assert statuses(place.show(run))["ask"] == "waiting"
    assert place.ithaca("runs", "cancel", run).returncode == 0


def test_where_two_have_to_approve_one_does_not_do(place: AskingPlace, namespace: str) -> None:
    place.ask(namespace, required=2)
    place.notebook(ASK)
    run = place.start()
    assert place.answer(run, "ann", "approve").returncode == 0
    again = place.answer(run, "ann", "approve")
    assert (again.returncode, "already" in again.stderr) == (4, True), again.stderr
    assert statuses(place.show(run))["ask"] == "waiting"
    assert place.answer(run, "bob", "approve").returncode == 0
    told = place.end(run)
    assert told["status"] == "succeeded"
    assert {*answered(told)[1].split(", ")} == {place.name("ann"), place.name("bob")}


def test_a_run_that_is_cancelled_while_it_asks_ends_and_asks_nobody_any_more(
    place: AskingPlace,
) -> None:
    place.notebook(ASK, AFTER)
    run = place.start()
    place.asked(run)
    done = place.ithaca("runs", "cancel", run, KUBECONFIG=place.kubeconfig("ann"))
    assert done.returncode == 0, done.stderr
    told = place.show(run)
    assert (told["status"], statuses(told)) == (
        "cancelled",
        {"ask": "cancelled", "after": "skipped"},
    )
    wait_until(lambda: place.asked(run)["status"]["state"] == "rejected")
    wait_until(lambda: condition(place, run)["status"] == "False")


def test_a_known_step_asks_nobody(place: AskingPlace) -> None:
    place.notebook(ASK)
    run = place.start()
    place.patch(run, "ann", "approve", "")
    assert place.end(run)["status"] == "succeeded"
    code, told = place.run()
    assert (code, statuses(told)) == (0, {"ask": "reused"})


def test_the_doctor_finds_what_such_questions_need(place: AskingPlace) -> None:
    done = place.ithaca("doctor", "--backend", "tekton", "--json")
    checks = {each["what"]: each for each in json.loads(done.stdout)["checks"]}
    assert checks["manual-approval-gate"]["status"] == "ok"
    assert "list approvaltasks" in checks["service account"]["found"]


def condition(place: AskingPlace, run: str) -> Told:
    (found,), _ = place.cluster.list(PIPELINE_RUN, labels={"ithaca/run": run})
    (told,) = found["status"]["conditions"]
    return dict(told)


def wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(POLL)
