"""A stub as a process: ``python -m tests.bench.stub sink`` or ``... lister --timers 100000``."""

import argparse
import asyncio
import ssl
from pathlib import Path

from tests.bench.stub.http import Connection, Handler
from tests.bench.stub.lister import Lister
from tests.bench.stub.sink import Sink

LISTENING = "listening on port "
_PAGE = 500


def main() -> None:
    """Serve on a free loopback port, which is printed, until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub")
    parser.add_argument("kind", choices=["sink", "lister"])
    parser.add_argument("--timers", type=int, default=0, help="lister: how many it shows")
    parser.add_argument("--certificate", type=Path, help="PEM file, to serve HTTPS")
    parser.add_argument("--key", type=Path, help="PEM file of its key")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    asyncio.run(_serve(_handler(options.kind, options.timers), context))


def _handler(kind: str, timers: int) -> Handler:
    if kind == "sink":
        return Sink().handle
    lister = Lister(timers)
    lister.prepare(_PAGE)
    return lister.handle


async def _serve(handle: Handler, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handle), "127.0.0.1", 0, ssl=context, backlog=1024)
    print(f"{LISTENING}{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    main()
