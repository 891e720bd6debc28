"""Simulated operators: the controllers of KAI, Grove and Dynamo, for a cluster that runs no images.

kwok reports most pods as ready (`stages.yaml`). This process runs the pods whose work others wait for: the charts' hook
Jobs, the operators of Dynamo and Grove, and KAI's operands. It uses only the API server, so an installation sees the
same objects, conditions and delays as on a real cluster. Pods, including kwok's, start immediately, or with
`Sandbox(pod_delay=…)` that many seconds after they were scheduled.

Tests inject faults with the ConfigMap `sandbox-faults` in `kube-system`, which may change at any time:

| key | value | effect |
|---|---|---|
| `<workload>.ready` | `"false"` | pods of the Deployment are not ready, those of the Job fail, until the key is gone |
| `images.pulled` | `"false"` | containers that are not ready wait for their image, instead of crashing |
| `<workload>.delay` | seconds | its pods start that long after they were scheduled |
| `queue-webhook.listening` | `"false"` | KAI's queue webhook refuses connections, even if queue-controller is ready |
| `queue-webhook.status` | a number | it answers with this HTTP status |
| `queue-webhook.service` | a name | it is registered by this Service in KAI's namespace, which need not exist |
| `queue-webhook.trusted` | `"false"` | it is registered with another authority's certificate |
| `Config.available`, `SchedulingShard.available` | `"false"` | KAI's operator reports the condition False |

A workload is a Deployment or Job whose pods this process runs: `crd-upgrader`, `topology-migration`,
`kai-config-deployer`, `post-delete-cleanup`, `dynamo-operator`, `grove-operator`, `pod-grouper`, `binder`,
`queue-controller`, `podgroup-controller`, `admission`, `kai-scheduler-default`.
"""
