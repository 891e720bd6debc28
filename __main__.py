"""NVIDIA Dynamo Platform on the stack's cluster, as configured in the stack."""

import pulumi

from dynamo_platform import DynamoPlatform
from dynamo_platform.component.outputs import STACK_OUTPUTS

platform = DynamoPlatform("dynamo-platform")

for output in STACK_OUTPUTS:
    pulumi.export(output, getattr(platform, output))
