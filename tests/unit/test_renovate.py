"""Renovate finds the versions that stack files ask it to follow."""

import json
import re
from pathlib import Path

import yaml

from dynamo_platform.catalog import load
from dynamo_platform.catalog.model import Chart
from dynamo_platform.versions import Version

ROOT = Path(__file__).parents[2]


def followed(stack: str) -> dict[str, tuple[str, str | None]]:
    """Version and registry, by what Renovate looks up, with JavaScript's named groups as Python's."""
    [manager] = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))["customManagers"]
    pattern = manager["matchStrings"][0].replace("(?<", "(?P<")
    text = (ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    found = [*re.finditer(pattern, text)]
    assert len(found) == text.count("# renovate:")
    return {match["depName"]: (match["currentValue"], match["registryUrl"]) for match in found}


def test_every_version_of_production_is_followed_where_the_catalog_pulls_it_from() -> None:
    config = yaml.safe_load((ROOT / "stacks" / "Pulumi.production.yaml").read_text(encoding="utf-8"))["config"]
    kai, grove = (config[f"dynamo-platform:{name}"]["version"] for name in ("kaiScheduler", "grove"))
    catalog = load()
    assert followed("production") == {
        "dynamo-platform": (
            config["dynamo-platform:version"],
            catalog.platform.repository(catalog.platform.versions[-1]),
        ),
        _image(catalog.kai_scheduler, kai): (kai, None),
        _image(catalog.grove, grove): (grove, None),
    }


def _image(chart: Chart, version: str) -> str:
    return f"{chart.repository(Version.parse(version))}/{chart.chart}".removeprefix("oci://")


def test_development_follows_the_platform_which_brings_the_rest() -> None:
    assert list(followed("dev")) == ["dynamo-platform"]
