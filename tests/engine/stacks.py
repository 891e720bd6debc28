"""Stacks that the engine tests install."""

from typing import Any

OLD = {"version": "1.0.1", "kai": "v0.13.4", "grove": "v0.1.0-alpha.8"}
NEW = {"version": "1.5.1", "kai": "v0.17.0", "grove": "v0.1.0-alpha.13"}
KAI_QUEUES = {"default-parent-queue", "default-queue"}
DYNAMO_QUEUES = {"dynamo-default", "dynamo"}


def stack(kai: str, grove: str, versions: dict[str, str], **config: Any) -> dict[str, Any]:
    """Return a development stack with these modes and versions; `config` replaces entries."""
    return {
        "version": versions["version"],
        "profile": "development",
        "kaiScheduler": _part(kai, versions["kai"]),
        "grove": _part(grove, versions["grove"]),
        "nats": {"mode": "disabled"},
    } | config


def separate(versions: dict[str, str], **config: Any) -> dict[str, Any]:
    """Return a development stack with separate releases for all three."""
    return stack("separate", "separate", versions, **config)


def _part(mode: str, version: str) -> dict[str, str]:
    return {"mode": mode, "version": version} if mode in {"separate", "external"} else {"mode": mode}
