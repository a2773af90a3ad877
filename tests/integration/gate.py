"""A gate between a worker and the API server, where a test can hold a request or its answer."""

import contextlib
import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml

from tests.integration.waiting import PATIENCE_S

Side = Literal["request", "answer"]


class Gate(ThreadingHTTPServer):
    """Forwards every request to the API server, except that `hold_next` can stop one on its way.

    Plain HTTP on the worker's side, so that the gate can tell the requests apart.
    """

    daemon_threads = True

    def __init__(self, server: str, authority: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(server).netloc
        self.context = ssl.create_default_context(cafile=authority)
        self._held = threading.Event()
        self._released = threading.Event()
        self._next: tuple[Side, str, str] | None = None
        self.answers: list[tuple[str, int]] = []
        """Method and status of all that the API server has answered."""

    def hold_next_job(self, side: Side) -> None:
        """Stop the next creation of a Job: before the API server gets it, or before the worker gets the answer."""
        self.hold_next(side, "POST", "/jobs")

    def hold_next(self, side: Side, method: str, path_end: str) -> None:
        """Stop the next request of this method to such a path, in the same way."""
        self._next = side, method, path_end

    def wait_until_held(self) -> None:
        """Wait until the request is stopped here."""
        assert self._held.wait(PATIENCE_S), "the worker has made no such request"

    def release(self) -> None:
        """Let what is held pass, and everything from now on."""
        self._released.set()

    def pass_through(self, side: Side, method: str, path: str) -> None:
        """Return when the request (or its answer) may go on."""
        if self._next and (side, method) == self._next[:2] and path.partition("?")[0].endswith(self._next[2]):
            self._next = None
            self._held.set()
            self._released.wait()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that was killed leaves a broken connection; that is what tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def do_GET(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def do_PATCH(self) -> None:
        self._forward()

    def do_DELETE(self) -> None:
        self._forward()

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.pass_through("request", self.command, self.path)
        upstream = http.client.HTTPSConnection(self.server.upstream, context=self.server.context)
        with contextlib.closing(upstream):
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            payload = answer.read()
        self.server.answers.append((self.command, answer.status))
        self.server.pass_through("answer", self.command, self.path)
        self.send_response(answer.status)
        for name in ("Content-Type", "Retry-After"):
            if answer.headers[name] is not None:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


@contextmanager
def gate(kubeconfig: Path, copy: Path) -> Iterator[Gate]:
    """A gate before the API server of a kubeconfig; `copy` becomes a kubeconfig that leads through it."""
    content = yaml.safe_load(kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    with Gate(cluster["server"], cluster["certificate-authority"]) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        cluster["server"] = f"http://127.0.0.1:{server.server_address[1]}"
        copy.write_text(yaml.safe_dump(content))
        try:
            yield server
        finally:
            server.release()
            server.shutdown()
            serving.join()
