"""Stacks for the measured runs, with their configuration outside the checkout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import measure
from sandbox.paths import CHECKOUT

BARE = CHECKOUT / "benchmarks" / "bare"


def stack_config(stack: str) -> dict[str, Any]:
    """Return the configuration of a stack in `stacks/`."""
    file = CHECKOUT / "stacks" / f"Pulumi.{stack}.yaml"
    config: dict[str, Any] = yaml.safe_load(file.read_text())["config"]
    return config


def create_stack(project: Path, folder: Path, config: Mapping[str, Any], env: Mapping[str, str]) -> list[str]:
    """Create a stack `benchmark` of a project; return the options that select it.

    `pulumi stack` would write into the project's `stacks/`, so it runs in the new folder `folder`.
    """
    name = yaml.safe_load((project / "Pulumi.yaml").read_text())["name"]
    folder.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": name, "runtime": "python"}))
    measure(["pulumi", "stack", "init", "benchmark"], folder=folder, env=env)
    file = folder / "Pulumi.benchmark.yaml"
    salt = yaml.safe_load(file.read_text()) if file.exists() else {}
    file.write_text(yaml.safe_dump({**salt, "config": dict(config)}))
    return ["--stack=benchmark", f"--config-file={file}"]
