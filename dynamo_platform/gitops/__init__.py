"""The GitOps back-end: a plan as files, for clusters that tools other than Pulumi deploy to.

A plan becomes a mapping from path to text, in folders that sort in the order to apply them. The same plan and charts
give the same bytes. There is no I/O here.
"""

from .objects import object_files
from .prepare import check_rendered, undecided_monitors, with_inline_config
from .stages import Annotate, Files, as_rendered
from .values import INDEX, values_files

__all__ = [
    "INDEX",
    "Annotate",
    "Files",
    "as_rendered",
    "check_rendered",
    "object_files",
    "undecided_monitors",
    "values_files",
    "with_inline_config",
]
