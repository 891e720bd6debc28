"""Rules about NATS, etcd and discovery."""

from __future__ import annotations

from collections.abc import Iterator

from dynamo_platform.findings import quote_value
from dynamo_platform.planning.choices import Choices

from .base import Verdict, rule


@rule("NET001")
def backend_address_goes_with_external(c: Choices) -> Iterator[Verdict]:
    """An external backend needs an address, and the others must not have one."""
    for backend in (c.nats, c.etcd):
        if backend.mode == "external" and backend.address is None:
            yield Verdict(
                f"{backend.key}.address",
                "nothing",
                "its address, for example " + _EXAMPLES[backend.key],
                f"{backend.key}.mode is external, and the operator needs its address.",
            )
        if backend.mode != "external" and backend.mode is not None and backend.address is not None:
            yield Verdict(
                f"{backend.key}.address",
                quote_value(backend.address),
                f"no address, or {backend.key}.mode external",
                f"{backend.key}.mode is {backend.mode}, so the address would not be used.",
            )


_EXAMPLES = {"nats": "nats://nats.messaging.svc:4222", "etcd": "etcd.storage.svc:2379"}


@rule("NET002")
def discovery_has_its_etcd(c: Choices) -> Iterator[Verdict]:
    """Discovery in etcd needs an etcd. No chart version checks this."""
    if c.config.discovery_backend == "etcd" and c.etcd.mode == "disabled":
        yield Verdict(
            "discoveryBackend",
            "etcd",
            "kubernetes, or etcd.mode bundled or external",
            "Workers register in etcd, and etcd.mode is disabled.",
        )
