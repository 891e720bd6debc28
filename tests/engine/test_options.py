"""The component's resource options on a real engine."""

from collections import Counter
from pathlib import Path

import pytest

from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.engine.engine import QUEUE, Engine
from tests.engine.stacks import NEW, separate

PROGRAM = """
import pulumi
from dynamo_platform import DynamoPlatform

def shorter(args):
    if args.type_ == "kubernetes:helm.sh/v3:Release":
        return pulumi.ResourceTransformResult({**args.props, "timeout": 123}, args.opts)

DynamoPlatform("NAME", opts=pulumi.ResourceOptions(OPTIONS))
"""


def write(engine: Engine, name: str, options: str) -> None:
    program = PROGRAM.replace("NAME", name).replace("OPTIONS", options)
    (engine.folder / "__main__.py").write_text(program)


def test_options_of_the_component_hold_for_its_children(sandbox: Sandbox, tmp_path: Path) -> None:
    engine = Engine(sandbox, tmp_path / "project")
    write(engine, "mine", "protect=True, retain_on_delete=False, transforms=[shorter]")
    engine.configure(separate(NEW) | {"protect": False})
    engine.up()
    children = [each for each in engine.resources() if each["type"].startswith("kubernetes:")]
    assert Counter((each["type"].rpartition(":")[2], each.get("protect")) for each in children) == {
        ("Release", True): 3,
        ("ConfigPatch", True): 1,
        ("SchedulingShardPatch", True): 1,
        ("DeploymentPatch", True): 1,
        ("Queue", True): 2,
    }
    assert [each["inputs"]["timeout"] for each in children if each["type"].endswith(":Release")] == [123] * 3
    with pytest.raises(CommandError, match="protected"):
        engine.destroy()

    # Renamed, no longer protected, and kept in the cluster afterwards.
    uids = engine.uids(QUEUE)
    write(
        engine,
        "dynamo-platform",
        'retain_on_delete=True, ignore_changes=["timeout", "spec"], aliases=[pulumi.Alias(name="mine")]',
    )
    config = separate(NEW) | {
        "queues": [{"name": "dynamo", "parent": "dynamo-default", "gpu": {"quota": 1, "limit": 1}}]
    }
    engine.configure(config)
    engine.up("--expect-no-changes", "--diff")
    assert engine.uids(QUEUE) == uids
    assert {each.get("protect", False) for each in engine.resources()} == {False}
    engine.destroy()
    assert engine.releases().keys() == {"kai-scheduler", "grove", "dynamo-platform"}
