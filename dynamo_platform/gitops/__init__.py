"""The GitOps back-end: a plan as files, for clusters that get them by other means than Pulumi.

A plan becomes a mapping from path to text, in folders that sort in the order in which a cluster has to get them. The
same plan and charts make the same bytes. There is no I/O here.
"""

from .argocd import with_sync_wave
from .objects import as_objects
from .prepare import undecided_monitors, unrepeatable, with_inline_config
from .stages import Annotate, Files, plain
from .values import INDEX, as_values

__all__ = [
    "INDEX",
    "Annotate",
    "Files",
    "as_objects",
    "as_values",
    "plain",
    "undecided_monitors",
    "unrepeatable",
    "with_inline_config",
    "with_sync_wave",
]
