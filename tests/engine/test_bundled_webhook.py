"""A bundled KAI Scheduler whose webhook answers after the chart's hook creates queues: one `up` is enough."""

import pytest

from sandbox.cluster import client
from sandbox.commands import CommandError
from tests.engine.engine import QUEUE, Engine
from tests.engine.injected import RETRYING, inject_faults, up_repaired_at
from tests.engine.results import Trial, watch
from tests.engine.stacks import DYNAMO_QUEUES, KAI_QUEUES, NEW, stack

STARTING = {"refuses connections": ("listening", "false"), "answers 502": ("status", "502")}


@pytest.mark.slow
@pytest.mark.parametrize("what", STARTING)
def test_bundled_webhook_that_is_starting_is_waited_for(fresh: Engine, what: str) -> None:
    fault, value = STARTING[what]
    trial = Trial(
        "fault",
        f"the webhook of a bundled KAI Scheduler {what} at the first install",
        "The same `up` installs again until it answers.",
    )
    fresh.configure(stack("bundled", "bundled", NEW))
    with (
        watch(fresh, trial) as saw,
        inject_faults(client(fresh.sandbox.paths.kubeconfig), {f"queue-webhook.{fault}": value}),
    ):
        up_repaired_at(fresh, client(fresh.sandbox.paths.kubeconfig), RETRYING)
        assert fresh.releases()["dynamo-platform"] == (NEW["version"], "deployed")
        assert fresh.uids(QUEUE).keys() == KAI_QUEUES | DYNAMO_QUEUES
        saw("one `up`")
        fresh.refresh()
        fresh.assert_unchanged()
        saw("after a refresh, the next `up` changes nothing")


@pytest.mark.slow
def test_bundled_webhook_that_is_broken_is_given_up_at_once(fresh: Engine) -> None:
    fresh.configure(stack("bundled", "bundled", NEW))
    api = client(fresh.sandbox.paths.kubeconfig)
    with inject_faults(api, {"queue-webhook.trusted": "false"}), pytest.raises(CommandError, match="x509") as failed:
        fresh.up()
    assert RETRYING not in str(failed.value)
    fresh.up_bundled()
    fresh.assert_unchanged()
