"""``python -m dynamo_platform``."""

from .cli import run

run()
