"""What the unit tests of the component share."""

from pathlib import Path

import pytest

from tests.unit.recording import RecordingEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RecordingEngine:
    """An engine on a machine without kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    # An Output in an f-string is an error, not a sentence in a chart value.
    monkeypatch.setenv("PULUMI_ERROR_OUTPUT_STRING", "true")
    return RecordingEngine()
