"""What the error hooks of gates and queues answer, and say."""

import asyncio
import time

import pulumi
import pytest

from dynamo_platform.cluster import webhooks
from dynamo_platform.cluster.observe import UnreadableError
from dynamo_platform.component import failures
from dynamo_platform.planning.model import Release
from tests.unit.test_observe import GATE, KAI

WEBHOOK = GATE._replace(kind="Deployment", object_name="queue-controller", namespace="kai", condition=None)

CALL = (
    "resource was not successfully created by the Kubernetes API server: Internal error occurred: failed calling "
    'webhook "queue-validation.kai.scheduler": failed to call webhook: '
)
POST = CALL + 'Post "https://queue-controller.kai.svc:443/validate-scheduling-run-ai-v2-queue?timeout=10s": '
REFUSED = f"{POST}dial tcp 10.0.0.7:443: connect: connection refused"
UNREACHABLE = 'the Kubernetes API server is unreachable: Get "https://eu:6443": dial tcp: connect: connection refused'
CAUSES = {
    f"{POST}dial tcp 10.0.0.7:443: connect: connection refused": (True, "but does not listen"),
    f"{POST}EOF": (True, "but does not listen"),
    f"{POST}read tcp 10.0.0.1:4->10.0.0.7:443: read: connection reset by peer": (True, "but does not listen"),
    f'{POST}no endpoints available for service "queue-controller"': (True, "no pod that is ready"),
    f"{POST}context deadline exceeded": (True, "a firewall"),
    f"{POST}dial tcp 10.0.0.7:443: i/o timeout": (True, "a firewall"),
    f"{POST}net/http: TLS handshake timeout": (True, "a firewall"),
    f"{POST}dial tcp 10.0.0.7:443: connect: no route to host": (True, "a firewall"),
    f"{POST}proxy error from 127.0.0.1:9345 while dialing 10.42.0.9:443, code 502: 502 Bad Gateway": (
        True,
        "The proxy",
    ),
    f"{POST}No agent available": (True, "The proxy"),
    f'{CALL}an error on the server ("<html>\n502</html>") has prevented the request from succeeding': (
        True,
        "HTTP 5xx",
    ),
    f"{CALL}the server is currently unable to handle the request": (True, "HTTP 5xx"),
    f"{CALL}the server was unable to return a response in the time allotted": (True, "overloaded"),
    f"{CALL}the server has received too many requests and has asked us to try again later": (True, "overloaded"),
    f"{POST}tls: failed to verify certificate: x509: certificate signed by unknown authority": (False, "caBundle"),
    f"{POST}x509: certificate has expired or is not yet valid: current time …": (False, "expired"),
    f"{POST}x509: certificate is valid for a.kai.svc, not queue-controller.kai.svc": (False, "name of its Service"),
    f"{POST}http: server gave HTTP response to HTTPS client": (False, "Something else"),
    f'{POST}service "queue-controller" not found': (False, "does not exist"),
    f"{POST}dial tcp: lookup queue-controller.kai.svc on 10.0.0.2:53: no such host": (False, "does not exist"),
    f"{CALL}the server could not find the requested resource": (False, "no such path"),
    'admission webhook "queue-validation.kai.scheduler" denied the request: resources must be specified': (
        False,
        "does not allow",
    ),
    'admission webhook "validate.kyverno.svc" denied the request without explanation': (False, "does not allow"),
    'admission webhook "a" denied the request: failed calling webhook "b": connection refused': (
        False,
        "does not allow",
    ),
    "queues.scheduling.run.ai is forbidden: ValidatingAdmissionPolicy 'quota' with binding 'all' denied request: no": (
        False,
        "does not allow",
    ),
}
"""Errors of the API server: whether a queue is tried again, and a part of what is said of them."""


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


# Releases

TIMED_OUT = "Helm Release grove-system/grove: context deadline exceeded"
RELEASE = Release("grove", "grove-system", "grove-charts", None, "v0.1.0-alpha.13", {}, hooks=True, timeout=600)


def waiting(
    monkeypatch: pytest.MonkeyPatch, *lines: str, error: str | None = None, bundled: bool = False
) -> failures.Hook:
    async def diagnose_release(*_: object) -> list[str]:
        if error:
            raise UnreadableError(error)
        return list(lines)

    monkeypatch.setattr(failures, "diagnose_release", diagnose_release)
    return failures.report_release({"dp-grove": RELEASE}, KAI, bundled=bundled)


@pytest.mark.parametrize("operation", ["create", "update"])
def test_release_says_what_is_not_ready_and_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, errors: list[str], operation: str
) -> None:
    hook = waiting(monkeypatch, "Deployment grove-operator: 0 of 1 pods available", "  Pod a: Pending")
    assert not answer(hook, failure(operation, TIMED_OUT, name="dp-grove"))
    (said,) = errors
    assert said == (
        "release grove failed.\n"
        "Not ready in namespace grove-system:\n"
        "  Deployment grove-operator: 0 of 1 pods available\n"
        "    Pod a: Pending\n"
        "Fix this, then run `pulumi up` again."
    )


def test_release_that_nothing_waits_for_adds_nothing_to_helms_error(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    assert not answer(waiting(monkeypatch), failure(error=TIMED_OUT, name="dp-grove"))
    assert errors == []


def test_release_says_what_the_error_of_a_webhook_means(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    assert not answer(waiting(monkeypatch), failure(name="dp-grove"))
    (said,) = errors
    assert said == (
        "release grove failed.\n"
        'webhook "queue-validation.kai.scheduler" refused one of its objects. The webhook\'s pod runs, but does not '
        "listen.\n"
        "Fix this, then run `pulumi up` again."
    )


@pytest.mark.parametrize("operation", ["create", "update"])
def test_release_with_a_bundled_webhook_is_tried_again_until_it_answers(
    monkeypatch: pytest.MonkeyPatch, errors: list[str], operation: str
) -> None:
    hook = waiting(monkeypatch, bundled=True)
    assert answer(hook, failure(operation, name="dp-grove"))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + RELEASE.timeout)
    assert errors == []
    assert not answer(hook, failure(operation, name="dp-grove"))
    assert errors[0].startswith("release grove failed.")


def test_release_with_a_bundled_webhook_that_is_broken_is_given_up(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    hook = waiting(monkeypatch, bundled=True)
    unknown = next(error for error, (again, _) in CAUSES.items() if not again)
    assert not answer(hook, failure(error=unknown, name="dp-grove"))
    assert not answer(hook, failure("delete", name="dp-grove"))
    assert not answer(hook, failure(error=TIMED_OUT, name="dp-grove"))
    assert errors[0].startswith("release grove failed.")


def test_release_that_cannot_be_deleted_or_is_previewed_says_nothing(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    hook = waiting(monkeypatch, "Deployment grove-operator")
    assert not answer(hook, failure("delete", name="dp-grove"))
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    assert not answer(hook, failure(name="dp-grove"))
    assert errors == []


def test_release_in_an_unreadable_cluster_gives_commands(monkeypatch: pytest.MonkeyPatch, errors: list[str]) -> None:
    answer(waiting(monkeypatch, error="ConnectError"), failure(name="dp-grove"))
    (said,) = errors
    assert "could not be read (ConnectError)" in said
    assert "\n  kubectl --context eu get events -n grove-system --sort-by=.lastTimestamp\n" in said


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
@pytest.mark.parametrize("error", [error for error, (transient, _) in CAUSES.items() if transient])
def test_queue_is_tried_again_while_its_webhook_may_be_starting(
    pauses: list[float], errors: list[str], operation: str, error: str
) -> None:
    assert answer(failures.retry_queue(WEBHOOK._replace(timeout=600), KAI), failure(operation, error))
    assert (pauses, errors) == ([1.0], [])


@pytest.mark.parametrize("error", [error for error, (transient, _) in CAUSES.items() if not transient])
def test_queue_that_no_later_attempt_can_make_is_given_up_at_once(
    pauses: list[float], errors: list[str], error: str
) -> None:
    assert not answer(failures.retry_queue(WEBHOOK._replace(timeout=600), KAI), failure(error=error))
    (said,) = errors
    assert (pauses, ", not tried again, because the same would happen. " in said) == ([], True)


@pytest.mark.parametrize(("error", "meaning"), [(error, meaning) for error, (_, meaning) in CAUSES.items()])
def test_each_error_has_its_meaning_and_the_next_command(error: str, meaning: str) -> None:
    found = webhooks.classify(error)
    assert found
    report = failures.queue_report("dp-dynamo", found, WEBHOOK, KAI)
    assert report.startswith("dp-dynamo: refused by ")
    assert meaning in report
    assert " See kubectl --context eu " in report
    assert "{" not in report


def test_report_names_the_webhook_of_another_team(errors: list[str]) -> None:
    error = CALL.replace("queue-validation.kai.scheduler", "mutate.kyverno.svc") + 'service "kyverno-svc" not found'
    answer(failures.retry_queue(WEBHOOK, KAI), failure(error=error))
    (said,) = errors
    assert said == (
        'dp-dynamo: refused by webhook "mutate.kyverno.svc", not tried again, because the same would happen. The '
        "webhook's registration names a Service that does not exist; it may be left over from another installation. "
        "See kubectl --context eu get validatingwebhookconfigurations,mutatingwebhookconfigurations -o wide"
    )


@pytest.mark.parametrize(
    ("operation", "error"),
    [("create", UNREACHABLE), ("delete", REFUSED), ("create", "anything"), ("create", f"{POST}anything")],
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
    (said,) = errors
    assert said == (
        f'dp-dynamo: refused by webhook "queue-validation.kai.scheduler", tried for {timeout} s. The webhook\'s pod '
        "runs, but does not listen. See kubectl --context eu logs -n kai deployment/queue-controller"
    )


def test_each_queue_has_its_own_time(pauses: list[float], errors: list[str]) -> None:
    hook = failures.retry_queue(WEBHOOK._replace(timeout=1), KAI)
    assert answer(hook, failure())
    assert not answer(hook, failure())
    assert answer(hook, failure(name="dp-team-a"))
