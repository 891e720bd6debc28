"""What the error hooks of gates and queues answer, and say."""

import asyncio
import time

import pulumi
import pytest

from dynamo_platform.cluster.observe import UnreadableError
from dynamo_platform.component import failures
from tests.unit.test_observe import GATE, KAI

WEBHOOK = GATE._replace(kind="Deployment", object_name="queue-controller", namespace="kai", condition=None)

REFUSED = (
    "resource was not successfully created by the Kubernetes API server: Internal error occurred: failed calling "
    'webhook "queue-validation.kai.scheduler": failed to call webhook: Post "https://queue-controller.kai.svc:443": '
    "dial tcp 10.0.0.7:443: connect: connection refused"
)
DENIED = 'admission webhook "queue-validation.kai.scheduler" denied the request: resources must be specified'
UNREACHABLE = 'the Kubernetes API server is unreachable: Get "https://eu:6443": dial tcp: connect: connection refused'


def failure(operation: str = "create", error: str = REFUSED, name: str = "dp-dynamo") -> pulumi.ErrorHookArgs:
    return pulumi.ErrorHookArgs(
        urn=f"urn:{name}", id="", name=name, type="", failed_operation=operation, errors=[error]
    )


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged as an error."""
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", logged.append)
    return logged


def answer(hook: failures.Hook, args: pulumi.ErrorHookArgs) -> bool:
    async def call() -> bool:
        return await hook(args)

    return asyncio.run(call())


def shows(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    async def diagnose(*_: object) -> list[str]:
        return list(lines)

    monkeypatch.setattr(failures, "diagnose", diagnose)


# Gates


def test_gate_says_what_it_saw_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    shows(
        monkeypatch, "Config kai-config, generation 3", "  Available False", "Deployment binder: 0 of 1 pods available"
    )
    hook = failures.report_gate({"dp-kai-config": GATE}, KAI)
    assert not answer(hook, failure(name="dp-kai-config"))
    (said,) = errors
    assert said == (
        "gate kai-config did not open: Config kai-config is not Available.\n"
        "  Config kai-config, generation 3\n"
        "    Available False\n"
        "  Deployment binder: 0 of 1 pods available\n"
        "Fix this, then run `pulumi up` again: it resumes here."
    )


def test_gate_that_cannot_be_deleted_says_nothing(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    shows(monkeypatch)
    assert not answer(failures.report_gate({"dp-kai-config": GATE}, KAI), failure("delete", name="dp-kai-config"))
    assert errors == []


def test_preview_looks_at_no_cluster(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    shows(monkeypatch)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert not answer(failures.report_gate({"dp-kai-config": GATE}, KAI), failure(name="dp-kai-config"))
    assert errors == []


def test_unreadable_cluster_gives_commands_instead(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    async def diagnose(*_: object) -> list[str]:
        raise UnreadableError("ConnectError")

    monkeypatch.setattr(failures, "diagnose", diagnose)
    answer(failures.report_gate({"dp-kai-config": GATE}, KAI), failure(name="dp-kai-config"))
    (said,) = errors
    assert "could not be read (ConnectError)" in said
    assert "\n  kubectl --context eu describe configs.kai.scheduler kai-config\n" in said


# Queues


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the hook slept each time; time passes only so."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: sum(slept))
    return slept


@pytest.mark.parametrize("operation", ["create", "update"])
def test_queue_is_tried_again_while_its_webhook_refuses_connections(
    pauses: list[float], errors: list[str], operation: str
) -> None:
    assert answer(failures.retry_queue(WEBHOOK._replace(timeout=600), KAI), failure(operation))
    assert (pauses, errors) == ([1.0], [])


@pytest.mark.parametrize(
    ("operation", "error"), [("create", DENIED), ("create", UNREACHABLE), ("delete", REFUSED), ("create", "anything")]
)
def test_every_other_failure_of_a_queue_stands(
    pauses: list[float], errors: list[str], operation: str, error: str
) -> None:
    assert not answer(failures.retry_queue(WEBHOOK._replace(timeout=600), KAI), failure(operation, error))
    assert (pauses, errors) == ([], [])


@pytest.mark.parametrize("timeout", [1, 10, 600, 7200])
def test_queue_is_given_up_after_the_timeout_and_before_the_engine_does(
    pauses: list[float], errors: list[str], timeout: int
) -> None:
    hook = failures.retry_queue(WEBHOOK._replace(timeout=timeout), KAI)
    attempt = failure()
    while answer(hook, attempt):
        attempt.errors.insert(0, REFUSED)
        assert len(attempt.errors) < 100
    assert timeout <= sum(pauses) <= timeout * 1.05 + 1
    assert errors[0].startswith(
        f"dp-dynamo: the webhook of KAI Scheduler's queue-controller has refused connections for {timeout} s"
    )
    assert errors[0].endswith("kubectl logs -n kai deployment/queue-controller")


def test_each_queue_has_its_own_time(pauses: list[float], errors: list[str]) -> None:
    hook = failures.retry_queue(WEBHOOK._replace(timeout=1), KAI)
    assert answer(hook, failure())
    assert not answer(hook, failure())
    assert answer(hook, failure(name="dp-team-a"))
