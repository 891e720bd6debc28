"""``python -m dynamo_platform``."""

from .cli import main

main(prog_name="dynamo-platform")
