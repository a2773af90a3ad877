"""`redistimer doctor`: what is wrong with an installation."""

import argparse
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import typer

from controller.cli.cluster import EXIT_FAILED, reach, run
from controller.cli.doctor.findings import as_data, as_table, is_healthy
from controller.cli.flags import add_output, add_timeout, add_where, new_parser, program, version, where_of
from controller.cli.output import coloured, dump

_TIMEOUT_S = 30

_DESCRIPTION = """\
Find out what is wrong with an installation: the API server, the RedisTimer's definition, the controller that leads, the
timers, Redis and the index in it, the processes connected to it, and clocks. Nothing is changed, and rights to read are
enough; what you may not read is told and left out. Redis is the one of REDIS_URL or --redis-url; what is not reachable
from here is left out as well. Timers are those of all namespaces that are served, or of the one named with -n.

From outside nobody can see whether a controller or a worker is ready: ask each of them for /readyz."""

_EXAMPLES = """\
examples:
  %(prog)s                                   all there is to see
  %(prog)s -n billing                        of timers only those of a namespace
  %(prog)s -o json | jq '.findings[] | select(.level != "ok")'
  kubectl -n redistimer-system port-forward svc/redis 6379 &
  REDIS_URL=redis://127.0.0.1:6379/0 %(prog)s
                                                    with a Redis that only the cluster reaches

A timer that is in trouble is a warning: the installation is well. exit codes: 0 nothing is a problem, 1 something is,
2 the command line, the kubeconfig or a setting is wrong"""


def run_doctor(arguments: Sequence[str]) -> int:
    """Look at everything and print what was found; the exit code."""
    return run(_doctor(_parser().parse_args(arguments)))


async def _doctor(options: argparse.Namespace) -> int:
    # They take longer to import than --help takes.
    from controller.cli.doctor.examination import Examination
    from controller.index.connect import connect_redis
    from controller.settings import load_settings

    settings = load_settings(_flags(options), f"{program()} doctor")
    is_guess = options.redis_url is None and "REDIS_URL" not in os.environ
    async with (
        reach(where_of(options)) as cluster,
        connect_redis(settings) as redis,
        Examination(cluster, redis, settings, options.namespace, is_guess, options.timeout) as examination,
    ):
        findings = await examination.findings()
    if options.output == "table":
        typer.echo(f"redistimer {version()}\n{as_table(findings)}", color=coloured())
    else:
        print(dump({"version": version(), **as_data(findings)}, options.output))
    return 0 if is_healthy(findings) else EXIT_FAILED


def _flags(options: argparse.Namespace) -> list[str]:
    """The same settings for the roles, so that they are read, and found in the environment, as theirs are."""
    given = {
        "--redis-url": options.redis_url,
        "--redis-username": options.redis_username,
        "--redis-username-file": options.redis_username_file,
        "--redis-password-file": options.redis_password_file,
        "--redis-sentinel-password-file": options.redis_sentinel_password_file,
        "--redis-ca-file": options.redis_ca_file,
        "--redis-cert-file": options.redis_cert_file,
        "--redis-key-file": options.redis_key_file,
        "--installation": options.installation,
        "--namespace": options.system_namespace,
        "--identity": f"doctor-{secrets.token_hex(4)}",
    }
    return [f"{flag}={value}" for flag, value in given.items() if value is not None]


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("doctor", _DESCRIPTION, _EXAMPLES)
    add_output(parser)
    add_timeout(parser, "for each answer", _TIMEOUT_S)
    add_where(parser)
    option = parser.add_argument_group("which installation").add_argument
    option("--redis-url", metavar="URL", help="its Redis (REDIS_URL, else redis://127.0.0.1:6379/0)")
    option("--redis-username", metavar="NAME", help="user for Redis; wins over the one in the URL")
    option("--redis-username-file", type=Path, metavar="FILE", help="file with the user for Redis")
    option("--redis-password-file", type=Path, metavar="FILE", help="file with the password for Redis")
    option("--redis-sentinel-password-file", type=Path, metavar="FILE", help="file with that for the Sentinels")
    option("--redis-ca-file", type=Path, metavar="FILE", help="with rediss: certificates of who vouches for Redis")
    option("--redis-cert-file", type=Path, metavar="FILE", help="with rediss: certificate to show to Redis")
    option("--redis-key-file", type=Path, metavar="FILE", help="with rediss: key of that certificate")
    option("--installation", metavar="NAME", help="its name (REDISTIMER_INSTALLATION, else default)")
    option(
        "--system-namespace",
        metavar="NAMESPACE",
        help="the namespace of its controller (REDISTIMER_NAMESPACE, else redistimer-system)",
    )
    return parser
