"""Wrong settings end the start with one line that says what to do; secrets stay out of every line."""

import socket
from pathlib import Path

from tests.cluster import running_redis
from tests.integration.product import Member, Product, Role
from tests.integration.waiting import wait_until

SECRET = "correct-horse-battery"
GUESS = "wrong-guess-staple"

Start = tuple[Role, list[str], dict[str, str]]

WRONG: list[tuple[Start, str]] = [
    (("worker", ["--lease-seconds", "1"], {}), "--lease-seconds (or REDISTIMER_LEASE_SECONDS): "),
    (("worker", [], {"REDISTIMER_AHEAD_SECONDS": "9"}), "--ahead-seconds 9 must be less than --lease-seconds 5"),
    (("worker", [], {"REDIS_URL": "http://127.0.0.1"}), "--redis-url (or REDIS_URL): is no URL of a Redis"),
    (("controller", ["--kubeconfig", "/nowhere/x"], {}), "--kubeconfig (or KUBECONFIG): /nowhere/x cannot be read"),
]


def test_a_wrong_flag_or_variable_ends_the_start_with_one_line(product_processes: Product) -> None:
    product_processes.restore(controllers=0, workers=0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = [*WRONG, (("worker", ["--http-port", port], {}), f"--http-host 127.0.0.1 --http-port {port} cannot be")]
        started = [
            (product_processes.start(role, *flags, **environment), words) for (role, flags, environment), words in cases
        ]
        for member, words in started:
            assert member.process.wait(60) == 2, member.log
            (line,) = member.log.splitlines()
            assert line.startswith("error: ")
            assert words in line


def test_a_flag_that_does_not_exist_ends_the_start(product_processes: Product) -> None:
    member = product_processes.start("worker", "--nonsense", "1")
    assert member.process.wait(60) == 2
    assert member.log.splitlines()[-1] == "redistimer worker: error: unrecognized arguments: --nonsense 1"


def test_a_password_never_appears_in_logs_or_answers(product_processes: Product, tmp_path: Path) -> None:
    """Neither the right one nor a wrong one, wherever it comes from, at the chattiest level."""
    product = product_processes
    product.restore(controllers=0, workers=0)
    file = tmp_path / "password"
    file.write_text(SECRET)
    with running_redis(SECRET) as server:

        def start(role: Role, password: str, **more: str) -> Member:
            url = f"redis://:{password}@127.0.0.1:{server.port}/0"
            return product.start(role, REDIS_URL=url, REDISTIMER_LOG_LEVEL="debug", **more)

        expected = {
            start("worker", GUESS): (503, "index: does not let us in"),
            start("worker", GUESS, REDISTIMER_REDIS_PASSWORD_FILE=str(file)): (200, "ok"),
            start("controller", SECRET): (200, "ok"),
        }
        for member, (code, words) in expected.items():
            _, body = wait_until(
                lambda member=member: member.get("/readyz"),
                lambda seen, code=code, words=words: seen[0] == code and seen[1].startswith(words),
                f"{member.name} says {words}",
            )
            assert member.terminate() == 0
            for text in (member.log, body):
                assert SECRET not in text
                assert GUESS not in text
