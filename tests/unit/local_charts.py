"""Local charts for tests, with nothing but a Chart.yaml."""

from pathlib import Path

import yaml


def write_chart(folder: Path, name: str, version: str, **dependencies: str) -> Path:
    """Write a chart into a folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    needed = [{"name": each.replace("_", "-"), "version": text} for each, text in dependencies.items()]
    content = {"apiVersion": "v2", "name": name, "version": version, "dependencies": needed}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder
