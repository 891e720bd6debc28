"""Rendered files on a live API server: the same objects as `pulumi up`, and applying them is idempotent."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube.resources.batch_v1 import Job

from dynamo_platform.rendering.objects import Key
from sandbox.commands import CommandError
from tests.engine.applying import content, follow, identities, live
from tests.engine.engine import QUEUE, Engine
from tests.engine.stacks import NEW, OLD, separate, stack

MONITORS = {"monitoring": {"podMonitors": False, "metricsService": False}}
HOOKS = {"crd-manager", "topology-migration", "config-deployer", "kai-config-manifest", "crd-upgrader"}
"""Parts of the names of hooks that Helm deletes after use."""


def render(engine: Engine, *arguments: str, out: str = "out") -> Path:
    engine.run("python", "-m", "dynamo_platform", "render", "--stack=test", f"--out={out}", *arguments)
    return engine.folder / out


def manifests(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*/*.yaml")):
        yield from yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader)


def kinds(folder: Path) -> list[tuple[str, str]]:
    """Return the kinds in the files, and those that KAI's operator or a Job creates."""
    written = {(each["apiVersion"], each["kind"]) for each in manifests(folder)}
    return sorted(written | {("kai.scheduler/v1", "Config"), ("scheduling.run.ai/v2", "Queue"), ("batch/v1", "Job")})


def is_of_a_hook(key: Key) -> bool:
    return any(part in key.name for part in HOOKS)


def compare(one: dict[Key, Any], other: dict[Key, Any]) -> None:
    """Assert that everything in `other` that no operator filled is the same in `one`."""
    wanted = {key: content(each) for key, each in other.items() if key.kind != "Secret"}
    assert {key: content(one[key]) for key in wanted} == wanted


def compared(engine: Engine, config: dict[str, Any]) -> None:
    """Apply the files twice; then start over with `pulumi up`, and compare all objects."""
    engine.configure(config)
    folder = render(engine)
    follow(engine, folder)
    by_files = live(engine, kinds(folder))
    follow(engine, folder)
    assert identities(live(engine, kinds(folder))) == identities(by_files)

    engine.sandbox.cluster.stop()
    engine.sandbox.up()
    engine.up_bundled()
    by_pulumi = live(engine, kinds(folder))
    assert by_pulumi.keys() - by_files.keys() == set()
    assert {key for key in by_files.keys() - by_pulumi.keys() if not is_of_a_hook(key)} == set()
    compare(by_files, by_pulumi)


def test_the_files_bring_the_objects_of_an_up_and_applied_again_they_change_nothing(fresh: Engine) -> None:
    compared(fresh, separate(NEW, **MONITORS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        separate(OLD, **MONITORS),
        separate(OLD | {"kai": "v0.14.7"}, **MONITORS),
        stack("bundled", "bundled", NEW, **MONITORS),
        stack("bundled", "bundled", OLD, **MONITORS),
    ],
    ids=["config-is-a-hook", "config-is-a-jobs", "bundled", "bundled-old"],
)
def test_so_do_the_files_of_every_form_of_the_chart(fresh: Engine, config: dict[str, Any]) -> None:
    compared(fresh, config)


@pytest.mark.slow
def test_an_upgrade_by_files_keeps_the_queues_and_runs_the_jobs_again(fresh: Engine) -> None:
    # Not from the oldest: Grove's CRDs of the oldest and newest version conflict.
    before = {"version": "1.4.2", "kai": "v0.14.7", "grove": "v0.1.0-alpha.12-rc1"}
    fresh.configure(separate(before, **MONITORS))
    follow(fresh, render(fresh))
    queues, jobs = fresh.uids(QUEUE), fresh.uids(Job).keys()
    fresh.configure(separate(NEW, **MONITORS))
    follow(fresh, render(fresh))
    assert fresh.uids(QUEUE) == queues
    after = fresh.objects(Job)
    assert after.keys() > jobs
    assert {name: job.status.succeeded for name, job in after.items()} == dict.fromkeys(after, 1)


@pytest.mark.slow
def test_files_take_a_cluster_over_from_pulumi(fresh: Engine) -> None:
    fresh.configure(separate(NEW, **MONITORS))
    fresh.up()
    folder = render(fresh)
    before = live(fresh, kinds(folder))
    fresh.run("pulumi", "stack", "rm", "--force", "--preserve-config", "--yes", "test")
    follow(fresh, folder)
    after = identities(live(fresh, kinds(folder)))
    assert {key: after[key] for key in before} == identities(before)


@pytest.mark.slow
def test_helm_with_the_values_brings_the_objects_of_an_up(fresh: Engine) -> None:
    fresh.configure(separate(NEW, **MONITORS))
    (fresh.folder / "my charts").mkdir()
    archive = fresh.sandbox.paths.charts / f"kai-scheduler-{NEW['kai']}.tgz"
    stack_file = yaml.safe_load(fresh.stack_file.read_text())
    kai = stack_file["config"]["dynamo-platform:kaiScheduler"]
    kai["chart"] = f"./{Path(shutil.copy(archive, fresh.folder / 'my charts')).relative_to(fresh.folder)}"
    kai.pop("repository", None)
    fresh.stack_file.write_text(yaml.safe_dump(stack_file))
    follow(fresh, render(fresh, "--values", out="values"))
    every = kinds(render(fresh))
    queues = fresh.uids(QUEUE)
    by_helm = live(fresh, every)
    follow(fresh, fresh.folder / "values")
    assert fresh.uids(QUEUE) == queues

    fresh.sandbox.cluster.stop()
    fresh.sandbox.up()
    fresh.up()
    by_pulumi = live(fresh, every)
    assert by_helm.keys() == by_pulumi.keys()
    compare(by_helm, by_pulumi)


@pytest.mark.slow
def test_the_files_are_the_same_from_run_to_run(engine: Engine) -> None:
    engine.configure(stack("bundled", "bundled", NEW, **MONITORS))
    one, other = (render(engine, "--for=argocd", out=out) for out in ("one", "other"))
    assert {path.relative_to(one): path.read_bytes() for path in one.rglob("*.*")} == {
        path.relative_to(other): path.read_bytes() for path in other.rglob("*.*")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"monitoring": {"podMonitors": True}}, ["REN005  monitoring.metricsService"]),
        (
            {
                "values": {
                    "dynamo-operator": {
                        "dynamo": {
                            "dockerRegistry": {
                                "useKubernetesSecret": True,
                                "server": "registry.example.com",
                                "username": "me",
                                "password": "hunter2",
                            }
                        }
                    }
                }
            },
            ["SEC002  values.dynamo-operator.dynamo.dockerRegistry.password"],
        ),
        ({"chart": "./charts/absent.tgz"}, ["REN003  chart"]),
    ],
)
def test_what_files_cannot_hold_is_refused(engine: Engine, config: dict[str, Any], expected: list[str]) -> None:
    engine.configure(separate(NEW, **MONITORS) | config)
    with pytest.raises(CommandError) as failed:
        render(engine)
    for each in expected:
        assert each in failed.value.output
    assert "hunter2" not in failed.value.output
    assert not (engine.folder / "out").exists()


TEMPLATES = {
    "REN002": 'data: {key: {{ (lookup "v1" "Secret" "somewhere" "theirs").data.key }}}',
    "REN006": "data: {seed: {{ randAlphaNum 8 }}}",
}


@pytest.mark.slow
@pytest.mark.parametrize("code", TEMPLATES)
def test_a_chart_that_files_cannot_hold_is_refused(engine: Engine, code: str) -> None:
    chart = engine.folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: grove-charts\nversion: v0.1.0-alpha.13\n")
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seed}\n" + TEMPLATES[code]
    (chart / "templates" / "seed.yaml").write_text(template)
    config = separate(NEW, **MONITORS)
    engine.configure(config | {"grove": config["grove"] | {"chart": "./chart"}})
    with pytest.raises(CommandError, match=rf"error {code}  grove.values"):
        render(engine)
    assert not (engine.folder / "out").exists()
