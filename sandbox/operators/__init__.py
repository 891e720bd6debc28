"""Simulated operators: what the controllers of KAI, Grove and Dynamo would do, on a cluster where no image runs.

kwok reports most pods as ready (`stages.yaml`). The pods whose work others wait for are left to this process:
the charts' hook Jobs, the operators of Dynamo and Grove, and KAI's operands. Everything goes through the API
server, so an installation sees the same objects, conditions and delays as on a real cluster. Pods start at once, or
with `Sandbox(pod_delay=…)` that many seconds after they were scheduled, kwok's too.

Tests inject faults with the ConfigMap `sandbox-faults` in `kube-system`; it may change at any time:

| key | value | effect |
|---|---|---|
| `<workload>.ready` | `"false"` | pods of the Deployment are not ready, those of the Job fail; back when the key goes |
| `<workload>.delay` | seconds | its pods start that much after they were scheduled |
| `queue-webhook.listening` | `"false"` | KAI's queue webhook refuses connections, queue-controller ready or not |
| `Config.available`, `SchedulingShard.available` | `"false"` | KAI's operator reports the condition False |

A workload is a Deployment or Job that this process runs: `crd-upgrader`, `topology-migration`,
`kai-config-deployer`, `post-delete-cleanup`, `dynamo-operator`, `grove-operator`, `pod-grouper`, `binder`,
`queue-controller`, `podgroup-controller`, `admission`, `kai-scheduler-default`.
"""
