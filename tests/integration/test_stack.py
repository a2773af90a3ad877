"""The local stack itself: real Jobs run, and nothing is left behind, whatever happens to its owner."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Process, Stack, StackError
from tests.cluster.stack import CHECKOUT
from tests.cluster.waiting import is_alive, wait_until

RUN = [sys.executable, "-m", "tests.cluster", "run"]
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

# A dollar sign that the shell shall see is written twice, as in every Pod.
# Starts a stack and everything that could outlive it, says so, and waits to be killed.
OWNER = """
import json, subprocess, time
from tests.cluster import Stack
from tests.cluster.waiting import wait_until
from tests.integration.test_stack import job, pods_of
with Stack() as stack:
    stack.apply(job("sleeper", ["sh", "-c", "echo $$$$; sleep 1000"]))
    pod = wait_until(lambda: pods_of(stack, "default", "sleeper"), "the Pod")[0]["metadata"]["name"]
    sleeper = int(wait_until(lambda: stack.pod_output("default", pod), "its output"))
    escaped = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(1000)"
    spawned = stack.spawn("product", ["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000"], grace_s=0.5)
    stack.spawn("daemon", ["python3", "-c", escaped])
    visitor = subprocess.Popen(["sleep", "1000"], env=stack.environment(), start_new_session=True)
    processes = [stack.etcd, stack.api_server, stack.controller_manager, stack.kubelet, stack.redis.process, spawned]
    pids = [sleeper, visitor.pid, *(process.pid for process in processes)]
    print(json.dumps({"directory": str(stack.directory), "pids": pids}), flush=True)
    time.sleep(1000)
"""


def job(name: str, command: list[str] | None, namespace: str = "default", **pod_spec: Any) -> str:
    """Return a Job's manifest as JSON."""
    container: dict[str, Any] = {"name": "main", "image": "never-pulled"}
    if command is not None:
        container["command"] = command
    template = {"spec": {"restartPolicy": "Never", "containers": [container], **pod_spec}}
    metadata = {"name": name, "namespace": namespace}
    spec = {"backoffLimit": 0, "template": template}
    return json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}) + "\n"


def pods_of(stack: Stack, namespace: str, job_name: str) -> list[dict[str, Any]]:
    """Return the Pods of a Job."""
    selector = f"batch.kubernetes.io/job-name={job_name}"
    listed = stack.kubectl("get", "pods", "-n", namespace, "-l", selector, "-o", "json").stdout
    pods: list[dict[str, Any]] = json.loads(listed)["items"]
    return pods


def run_to_end(stack: Stack, manifest: str, condition: str = "complete") -> dict[str, Any]:
    """Apply a Job, wait for the condition and return its only Pod."""
    stack.apply(manifest)
    metadata = json.loads(manifest)["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    stack.kubectl("wait", f"--for=condition={condition}", f"job/{name}", "-n", namespace, "--timeout=60s")
    (pod,) = pods_of(stack, namespace, name)
    return pod


def exit_of(pod: dict[str, Any]) -> dict[str, Any]:
    """Return how the first container of a Pod ended."""
    ended: dict[str, Any] = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return ended


def test_a_job_completes_with_its_output_and_exit_code(stack: Stack, namespace: str) -> None:
    who = {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container = {
        "name": "main",
        "image": "x",
        "command": ["sh", "-c"],
        "args": ["echo hello from $(WHO)"],
        "env": [who],
    }

    pod = run_to_end(stack, job("greeting", None, namespace, containers=[container]))

    assert pod["status"]["phase"] == "Succeeded"
    assert exit_of(pod)["exitCode"] == 0
    assert stack.pod_output(namespace, pod["metadata"]["name"]) == f"hello from {pod['metadata']['name']}\n"


def test_a_failing_job_fails_with_its_exit_code(stack: Stack, namespace: str) -> None:
    pod = run_to_end(stack, job("broken", ["sh", "-c", "echo oh no >&2; exit 3"], namespace), "failed")

    assert pod["status"]["phase"] == "Failed"
    assert exit_of(pod)["exitCode"] == 3
    assert stack.pod_output(namespace, pod["metadata"]["name"]) == "oh no\n"


def test_a_command_that_does_not_exist_fails_like_in_a_shell(stack: Stack, namespace: str) -> None:
    pod = run_to_end(stack, job("misspelt", ["no-such-command"], namespace), "failed")

    assert exit_of(pod)["exitCode"] == 127
    assert exit_of(pod)["message"] == "no-such-command: command not found"


def test_a_container_without_a_command_succeeds_at_once(stack: Stack, namespace: str) -> None:
    pod = run_to_end(stack, job("image-only", None, namespace))

    assert exit_of(pod)["reason"] == "Completed"


def test_init_containers_run_first_and_in_order(stack: Stack, namespace: str) -> None:
    init = [{"name": name, "image": "x", "command": ["echo", name]} for name in ("first", "second")]

    pod = run_to_end(stack, job("prepared", ["echo", "last"], namespace, initContainers=init))

    assert stack.pod_output(namespace, pod["metadata"]["name"]) == "first\nsecond\nlast\n"


def test_a_failing_init_container_fails_the_pod_and_the_main_one_never_runs(stack: Stack, namespace: str) -> None:
    init = [{"name": "first", "image": "x", "command": ["sh", "-c", "echo no; exit 4"]}]

    pod = run_to_end(stack, job("unprepared", ["echo", "never"], namespace, initContainers=init), "failed")

    assert stack.pod_output(namespace, pod["metadata"]["name"]) == "no\n"


def test_on_failure_restarts_the_command_in_place(stack: Stack, namespace: str, tmp_path: Path) -> None:
    command = ["sh", "-c", f"test -e {tmp_path}/second && exit 0; touch {tmp_path}/second; exit 1"]
    manifest = json.loads(job("stubborn", command, namespace, restartPolicy="OnFailure"))
    manifest["spec"]["backoffLimit"] = 5

    pod = run_to_end(stack, json.dumps(manifest) + "\n")

    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1


def test_what_the_stand_in_cannot_do_fails_and_says_why(stack: Stack, namespace: str) -> None:
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    container = {"name": "main", "image": "x", "command": ["true"], "env": [secret]}

    pod = run_to_end(stack, job("secretive", None, namespace, containers=[container]), "failed")

    assert "does not support secretKeyRef (variable TOKEN)" in exit_of(pod)["message"]


def test_deleting_a_job_ends_its_process_and_what_that_started(stack: Stack, namespace: str) -> None:
    stack.apply(job("endless", ["sh", "-c", "sleep 1000 & echo $$$$ $!; wait"], namespace))
    pod = wait_until(lambda: pods_of(stack, namespace, "endless"), "the Pod")[0]["metadata"]["name"]
    pids = [int(pid) for pid in wait_until(lambda: stack.pod_output(namespace, pod), "its output").split()]
    assert all(is_alive(pid) for pid in pids)

    stack.kubectl("delete", "job", "endless", "-n", namespace)

    wait_until(lambda: not any(is_alive(pid) for pid in pids), "the end of the processes")
    wait_until(lambda: not pods_of(stack, namespace, "endless"), "the end of the Pod")


def test_a_pod_that_ends_while_the_api_server_is_away_is_reported_later(tmp_path: Path) -> None:
    command = ["sh", "-c", f"echo started; until test -e {tmp_path}/go; do sleep 0.01; done; touch {tmp_path}/ended"]
    with Stack(redis=False) as own:
        own.apply(job("patient", command))
        pod = wait_until(lambda: pods_of(own, "default", "patient"), "the Pod")[0]["metadata"]["name"]
        wait_until(lambda: own.pod_output("default", pod), "its output")

        own.api_server.kill()
        own.api_server.wait()
        (tmp_path / "go").touch()
        wait_until((tmp_path / "ended").exists, "the end of the command")
        own.restart_api_server()

        own.kubectl("wait", "--for=condition=complete", "job/patient", "--timeout=60s")


def test_service_accounts_have_the_rights_that_rbac_gives_them_and_no_more(stack: Stack) -> None:
    kubeconfig = stack.kubeconfig_for("redistimer-system", "redistimer-worker")

    who = stack.kubectl("--kubeconfig", str(kubeconfig), "auth", "whoami", "-o", "json").stdout
    assert (
        json.loads(who)["status"]["userInfo"]["username"] == "system:serviceaccount:redistimer-system:redistimer-worker"
    )
    with pytest.raises(StackError, match="Forbidden"):
        stack.kubectl("--kubeconfig", str(kubeconfig), "get", "secrets", "-A")


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    assert stack.redis.process is not None
    components = [stack.etcd, stack.api_server, stack.controller_manager, stack.kubelet, stack.redis.process]

    addresses = {process.name: listening_addresses(process) for process in components}

    assert {name for name, found in addresses.items() if found} == {"etcd", "kube-apiserver", "redis"}
    assert set().union(*addresses.values()) <= LOOPBACK


def listening_addresses(process: Process) -> set[str]:
    """Return the addresses (hexadecimal, as in /proc/net) that a process accepts TCP connections on."""
    inodes = set()
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue  # closed since it was listed
        if target.startswith("socket:["):
            inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == "0A" and inode in inodes:
                found.add(local.partition(":")[0])
    return found


def test_two_stacks_run_side_by_side_and_know_nothing_of_each_other(stack: Stack) -> None:
    with Stack(audit=True, kubelet=False) as other:
        other.kubectl("create", "namespace", "only-in-the-other")

        assert other.server != stack.server
        assert other.redis_url != stack.redis_url
        assert stack.kubectl("get", "namespace", "only-in-the-other", check=False).returncode != 0
        assert other.audit_log is not None
        assert "only-in-the-other" in other.audit_log.read_text()
        directory = other.directory
    assert not directory.exists()


def test_a_stack_whose_owner_is_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as errors:
        owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=errors)
    with owner:
        assert owner.stdout is not None
        line = owner.stdout.readline()
        assert line, (tmp_path / "stderr").read_text()
        started = json.loads(line)
        directory = Path(started["directory"])
        assert all(is_alive(pid) for pid in started["pids"])
        assert directory.is_dir()

        owner.kill()

        wait_until(lambda: not any(is_alive(pid) for pid in started["pids"]), "the end of every process")
        wait_until(lambda: not directory.exists(), "the folder's removal")
        wait_until(lambda: not processes_mentioning(directory), "the end of every process with that folder")


def processes_mentioning(directory: Path) -> list[str]:
    """Return processes that have a path on the command line or in the environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in text:
            found.append(process.name)
    return found


def test_run_gives_a_command_the_stack_and_passes_its_exit_code_on() -> None:
    script = "kubectl get crd redistimers.redistimer.dev && echo $KUBECONFIG $REDIS_URL; exit 7"

    done = subprocess.run([*RUN, "--", "sh", "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=False)

    assert done.returncode == 7, done.stderr
    kubeconfig, redis_url = done.stdout.splitlines()[-1].split()
    assert redis_url.startswith("redis://127.0.0.1:")
    assert not Path(kubeconfig).parent.exists()


def test_run_passes_signals_on_and_takes_everything_down() -> None:
    script = "trap 'echo INT' INT; trap 'echo TERM; exit 5' TERM; echo $KUBECONFIG; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [*RUN, "--no-kubelet", "--", "sh", "-c", script],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        # Whoever started the tests in the background made them ignore it, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        assert running.stdout is not None
        kubeconfig = Path(running.stdout.readline().decode().strip())
        assert kubeconfig.exists()

        running.send_signal(signal.SIGINT)
        assert running.stdout.readline() == b"INT\n"
        running.send_signal(signal.SIGTERM)
        assert running.stdout.readline() == b"TERM\n"

        assert running.wait() == 5
    assert not kubeconfig.parent.exists()
