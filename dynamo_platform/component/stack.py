"""Reads the stack's state and configuration from the engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as runtime_config

from dynamo_platform.config.mistakes import encrypted_finding
from dynamo_platform.config.model import NAMESPACE
from dynamo_platform.config.reading import decode_stack
from dynamo_platform.findings import Finding

READ_ATTEMPTS = 20
"""Attempts to read the stack's state."""

READ_PAUSE_SECONDS = 0.1
"""Seconds between two attempts."""


def read_state() -> Mapping[str, Any]:
    """Type and outputs of the resources in the stack's state, by URN; no cluster is read."""
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    attempts = READ_ATTEMPTS
    while True:
        attempts -= 1
        try:
            state = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack}).value
        except Exception as error:  # the SDK raises nothing more precise
            # With a file backend, the engine may still be writing the file that it reads.
            if not attempts or "failed to load checkpoint" not in str(error):
                raise
            time.sleep(READ_PAUSE_SECONDS)
        else:
            return (state or {}).get("outputs") or {}


def read_config() -> dict[str, str]:
    """The stack's whole configuration. The SDK's own Config reads single keys, and would miss unknown ones."""
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


def read_settings() -> tuple[dict[str, Any], list[Finding]]:
    """The settings in the stack's configuration, by name in camelCase, and a finding for each encrypted one."""
    prefix = f"{NAMESPACE}:"
    raw = {key: text for key, text in read_config().items() if key.startswith(prefix)}
    encrypted = [key for key in raw if runtime_config.is_config_secret(key)]
    settings = {key.removeprefix(prefix): text for key, text in raw.items() if key not in encrypted}
    return decode_stack(settings), [encrypted_finding(key.removeprefix(prefix)) for key in encrypted]
