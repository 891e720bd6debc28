"""Credentials in addresses and chart values: how they are recognized, and hidden in everything that is printed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
"""Printed instead of a credential."""

_USER = r"[^/?#\s@:\[]{1,64}:(?!\d+\W)"
"""A user, but neither a host with its port nor an IPv6 address."""

# Compiled when they are first needed, which is seldom.
_IN_URL = (
    # https://USER:PASSWORD@HOST or nats://TOKEN@HOST, also if the password is not percent-encoded as it should be; not
    # a chart by its digest, oci://HOST:5000/CHART@sha256:…
    rf"(?<=://)(?:{_USER}(?:(?!,\w+://)\S){{1,512}}@|[^/?#\s]*@|{_USER}\S[^\n]{{0,512}}@)(?!sha\d+:)"
)
_WITHOUT_SCHEME = (
    # USER:PASSWORD@HOST; not an image by its digest, NAME:TAG@sha256:…
    r"(?<![\w./@:-])(?!mailto:)[^\s/@:\"'\[\]{}(),=]{1,64}:(?!/)\S{1,512}@(?!sha\d+:)(?=[\w\[])"
)
_SENSITIVE_NAMES = ("password", "passwd", "passphrase", "token", "apikey", "secretaccesskey")


def redacted(text: str) -> str:
    """A text with ``***`` instead of the user and the password of each address in it."""
    if "@" not in text:
        return text
    return re.sub(_WITHOUT_SCHEME, f"{HIDDEN}@", re.sub(_IN_URL, f"{HIDDEN}@", text))


def redacted_tree(value: Any) -> Any:
    """A value without the credentials in its texts and keys, and without the texts below names of secrets."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        hidden = secret_entries(value)
        return {
            redacted(key) if isinstance(key, str) else key: HIDDEN if key in hidden else redacted_tree(entry)
            for key, entry in value.items()
        }
    return [redacted_tree(entry) for entry in value] if isinstance(value, list | tuple) else value


def secret_entries(mapping: Mapping[Any, Any]) -> set[Any]:
    """The keys of a mapping whose value is a secret by its name, such as ``rootPassword``.

    So is the ``value`` of an environment variable with such a name.
    """
    found = {key for key, entry in mapping.items() if names_secret(str(key)) and _is_secret(entry)}
    if names_secret(str(mapping.get("name"))) and _is_secret(mapping.get("value")):
        found.add("value")
    return found


def names_secret(name: str) -> bool:
    """Whether a value of this name is a secret: ``rootPassword`` is one, ``existingSecretPasswordKey`` names one."""
    return name.lower().replace("-", "").replace("_", "").endswith(_SENSITIVE_NAMES)


def _is_secret(value: Any) -> bool:
    return bool(value) and isinstance(value, str | int) and not isinstance(value, bool)
