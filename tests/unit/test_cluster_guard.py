"""The guard of a stack's processes: what it starts never outlives its owner."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cluster.errors import StackError
from tests.cluster.processes import Guard
from tests.cluster.stack import CHECKOUT
from tests.cluster.waiting import is_alive, wait_until

PATIENCE_S = 30.0
DAEMON = "import os, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True); time.sleep(1000)"


def test_the_exit_code_and_the_output_of_a_process_are_known() -> None:
    with Guard() as guard:
        process = guard.spawn("greeter", ["sh", "-c", "echo hello; echo there >&2; exit 3"])

        assert process.wait(PATIENCE_S) == 3
        assert process.log_text() == "hello\nthere\n"


def test_the_second_process_of_a_name_has_a_log_of_its_own_in_the_same_file() -> None:
    with Guard() as guard:
        guard.spawn("worker", ["echo", "first"]).wait(PATIENCE_S)
        second = guard.spawn("worker", ["echo", "second"])
        second.wait(PATIENCE_S)

        assert second.log_text() == "second\n"
        assert second.log.read_text() == "first\nsecond\n"


def test_a_signal_that_ended_a_process_is_its_negative_exit_code() -> None:
    with Guard() as guard:
        process = guard.spawn("sleeper", ["sleep", "1000"])
        assert process.poll() is None

        process.kill()

        assert process.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_program_that_does_not_exist_is_an_error_and_the_guard_goes_on() -> None:
    with Guard() as guard:
        with pytest.raises(StackError, match="cannot start nothing: no-such-program: No such file or directory"):
            guard.spawn("nothing", ["no-such-program"])

        assert guard.spawn("something", ["true"]).wait(PATIENCE_S) == 0


def test_threads_may_share_a_guard() -> None:
    codes: list[int] = []
    with Guard() as guard:

        def run(number: int) -> None:
            codes.append(guard.spawn(f"process-{number}", ["sh", "-c", f"exit {number}"]).wait(PATIENCE_S))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(codes) == list(range(8))


def test_closing_ends_what_daemonized_itself() -> None:
    with Guard() as guard:
        daemon = guard.spawn("daemon", [sys.executable, "-c", DAEMON])
        wait_until(daemon.log_text, "the daemon's pid")
        pid = int(daemon.log_text())
        assert is_alive(pid)

    assert not is_alive(pid)
    assert not guard.directory.exists()


def test_closing_lets_a_process_with_a_grace_period_end_by_itself(tmp_path: Path) -> None:
    script = f"trap 'echo orderly > {tmp_path}/end; exit' TERM; echo ready; while :; do sleep 0.01; done"
    with Guard() as guard:
        process = guard.spawn("polite", ["sh", "-c", script], grace_s=PATIENCE_S)
        wait_until(process.log_text, "the trap")

    assert (tmp_path / "end").read_text() == "orderly\n"


def test_closing_kills_a_process_that_ignores_the_request() -> None:
    with Guard() as guard:
        process = guard.spawn("stubborn", ["sh", "-c", "trap '' TERM; echo ready; sleep 1000"], grace_s=0.05)
        wait_until(process.log_text, "the trap")

    assert not is_alive(process.pid)


def test_an_owner_that_is_killed_leaves_nothing() -> None:
    script = """
import json, time
from tests.cluster.processes import Guard
with Guard() as guard:
    print(json.dumps([str(guard.directory), guard.spawn("sleeper", ["sleep", "1000"]).pid]), flush=True)
    time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        directory, pid = json.loads(owner.stdout.readline())
        assert is_alive(pid)

        owner.kill()

        wait_until(lambda: not is_alive(pid), "the end of the process")
        wait_until(lambda: not Path(directory).exists(), "the folder's removal")


def test_a_killed_guard_takes_its_processes_with_it_and_the_owner_is_told() -> None:
    with Guard() as guard:
        process = guard.spawn("sleeper", ["sleep", "1000"])
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        subprocess.run(["kill", "-KILL", stat.split()[3]], check=True)

        wait_until(lambda: not is_alive(process.pid), "the end of the process")
        with pytest.raises(StackError, match="guard process"):
            process.poll()
    guard.directory.joinpath("guard.log").unlink()
    guard.directory.joinpath("sleeper.log").unlink()
    guard.directory.rmdir()
