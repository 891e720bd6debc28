"""NVIDIA Dynamo Platform on the stack's cluster, as the stack's configuration says."""

import pulumi

from dynamo_platform import DynamoPlatform

platform = DynamoPlatform("dynamo-platform")

for output in ("versions", "statuses", "namespaces", "queues", "findings"):
    pulumi.export(output, getattr(platform, output))
