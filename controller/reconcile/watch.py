"""kopf watches RedisTimers, and tells the table. Handlers do no I/O of their own.

`on.event` only: it needs no finalizer and writes nothing, where `on.create` and `on.update` would patch each
object. What it does not promise (an event is never repeated, deletions during a gap are never told) the
rebuild makes good. What kopf lists comes another way, see listing.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf
from kubernetes.aio.client.configuration import Configuration

from controller.core.timer import GROUP, PLURAL, VERSION
from controller.reconcile import parsing  # noqa: F401 - kopf reads by it
from controller.reconcile.listing import Lists
from controller.reconcile.reach import Place
from controller.reconcile.table import Table

_CREDENTIALS_LAST = timedelta(minutes=5)
_FIRST_LIST_S = 5.0
"""For so long the first list is waited for. It takes milliseconds; where RedisTimers are not known, none comes."""


async def watch(
    table: Table,
    configuration: Configuration,
    started: asyncio.Event,
    stop: asyncio.Event,
    places: Sequence[Place] = (None,),
    admits: Callable[[str], Awaitable[bool]] | None = None,
) -> None:
    """Watch until `stop`; `started` is set once every change from then on is told.

    Places are namespaces, unless the only one is None. One that `admits` refuses is watched once it does not any more.
    """
    lists = Lists(table.see_timer, started, places, admits)
    lists.follow()
    namespaces = [place for place in places if place is not None]
    giving_up = asyncio.get_running_loop().call_later(_FIRST_LIST_S, lists.give_up)
    try:
        await kopf.operator(
            registry=_handlers(table, configuration),
            settings=_settings(),
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    finally:
        giving_up.cancel()


def _handlers(table: Table, configuration: Configuration) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def timer_event(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            table.timer_deleted(event["object"]["metadata"]["uid"])
        else:
            table.see_timer(event["object"])

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        header = await configuration.get_api_key_with_prefix("BearerToken")
        scheme, _separator, token = (header or "").rpartition(" ")
        return kopf.ConnectionInfo(
            server=configuration.host,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            scheme=(scheme or "Bearer") if token else None,
            token=token or None,
            # Tokens of service accounts rotate: ask again before the old one ends.
            expiration=datetime.now(UTC) + _CREDENTIALS_LAST,
        )

    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True  # leadership is by Lease
    settings.scanning.disabled = True  # nothing here comes and goes, and it would need rights on CRDs
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDiffBase()
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    # A watch says something once a minute, or it is broken; a list may take a while, but not kopf's five minutes.
    settings.watching.inactivity_timeout = 75
    settings.networking.request_timeout = 60
    settings.networking.connect_timeout = 10
    # A worker of kopf lives this long after its object's last event; at 100,000 objects that is memory.
    settings.queueing.idle_timeout = 0.1
    settings.process.ultimate_exiting_timeout = None
    return settings


class _NoDiffBase(kopf.DiffBaseStorage):
    """kopf would keep the last seen state of each object to find differences, which `on.event` has no use for."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None, ignored_fields: Any = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return None
