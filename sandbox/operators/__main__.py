"""`python -m sandbox.operators --kubeconfig FILE --charts DIR [--pod-delay SECONDS] [--log FILE]`.

Runs until it is killed. All state is in the API server, so it can be killed at any time.
"""

import argparse
import asyncio
import logging
from pathlib import Path

from lightkube import AsyncClient, KubeConfig

from sandbox.operators.charts import Charts
from sandbox.operators.cluster import Cluster
from sandbox.operators.dynamo import DynamoOperator
from sandbox.operators.grove import GroveOperator
from sandbox.operators.hooks import Hooks
from sandbox.operators.kai import KaiOperator, OperandPods
from sandbox.operators.queue_webhook import QueueWebhook
from sandbox.operators.volumes import Volumes


async def run(kubeconfig: Path, charts: Charts, pod_delay: float) -> None:
    """Run all operators until cancelled."""
    cluster = Cluster(AsyncClient(KubeConfig.from_file(kubeconfig), trust_env=False), pod_delay)
    operators = [
        Hooks(cluster, charts),
        KaiOperator(cluster, QueueWebhook()),
        OperandPods(cluster),
        GroveOperator(cluster, charts),
        DynamoOperator(cluster, charts),
        Volumes(cluster),
    ]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(cluster.follow())
        for operator in operators:
            tasks.create_task(operator.run())


def main() -> None:
    """Parse the command line and run the operators."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.operators", description="Simulated operators.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="kubeconfig of the sandbox's cluster")
    parser.add_argument("--charts", type=Path, required=True, help="folder with the chart archives (.tgz)")
    parser.add_argument("--pod-delay", type=float, default=0, help="seconds from a pod's scheduling to its start")
    parser.add_argument("--log", type=Path, help="log file; default: standard error")
    arguments = parser.parse_args()
    logging.basicConfig(filename=arguments.log, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    asyncio.run(run(arguments.kubeconfig, Charts(arguments.charts), arguments.pod_delay))


if __name__ == "__main__":
    main()
