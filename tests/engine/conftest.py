"""Fixtures: a sandbox for each module of engine tests, and a project for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from tests.engine.engine import Engine

# Tests use commands that are present, or build them; they never download.
os.environ.setdefault("TOOLCHAIN", "offline")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A cluster, a registry and charts for the module."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        sandbox.up()
        yield sandbox
    finally:
        sandbox.down()


@pytest.fixture
def engine(sandbox: Sandbox, tmp_path: Path) -> Engine:
    """A stack of this repository's program."""
    return Engine(sandbox, tmp_path / "project")


@pytest.fixture
def fresh(sandbox: Sandbox, engine: Engine) -> Engine:
    """A stack on a new, empty cluster."""
    sandbox.cluster.stop()
    sandbox.up()
    return engine
