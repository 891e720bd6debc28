"""The changes that a change of stack files makes: the findings about the upgrade, releases, queues and objects."""

from .compare import compare, compare_objects, local_files, plan_pair, render_jobs
from .forms import as_data, as_markdown, as_text, headline
from .model import STACK_OWNED, Comparison, Pair, RenderJob, Report, Side, StepChange

__all__ = [
    "STACK_OWNED",
    "Comparison",
    "Pair",
    "RenderJob",
    "Report",
    "Side",
    "StepChange",
    "as_data",
    "as_markdown",
    "as_text",
    "compare",
    "compare_objects",
    "headline",
    "local_files",
    "plan_pair",
    "render_jobs",
]
