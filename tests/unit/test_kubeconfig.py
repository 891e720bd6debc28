"""Kubeconfig files: several of them, and malformed ones."""

import os
from pathlib import Path

import pytest

from dynamo_platform.cluster import kubeconfig


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        (b"contexts: [{name: dev}, {name: production}]", {"dev", "production"}),
        (b"contexts: [{name: dev}, {}, production, {name: 1}]", {"dev"}),
        (b"contexts: {name: dev}", set()),
        (b"contexts:", set()),
        (b"[]", set()),
        (b"", set()),
        (b"contexts: [", set()),
        (b"contexts: [{name: d\xff}]", set()),
    ],
)
def test_only_named_contexts_count(tmp_path: Path, text: bytes, contexts: set[str]) -> None:
    file = tmp_path / "config"
    file.write_bytes(text)
    assert kubeconfig.contexts(file) == contexts


def test_files_are_in_the_order_of_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "b", tmp_path / "a"
    first.touch()
    second.touch()
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (first, tmp_path / "missing", second, tmp_path))))
    assert kubeconfig.files() == [first, second]


def test_without_the_variable_it_is_the_file_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.files() == []
    (tmp_path / ".kube").mkdir()
    file = tmp_path / ".kube" / "config"
    file.touch()
    assert kubeconfig.files() == [file]


CLUSTERS = """
clusters:
- {name: a, cluster: {server: "https://one:6443", certificate-authority-data: QQ==}}
- {name: b, cluster: {server: "https://one:6443/", certificate-authority-data: QQ==}}
- {name: c, cluster: {server: "https://one:6443", certificate-authority-data: Qg==}}
- {name: d, cluster: {server: "https://two:6443", certificate-authority-data: QQ==}}
- {name: e, cluster: {server: "https://one:6443", certificate-authority: ca.crt}}
contexts:
"""


def test_the_same_cluster_has_the_same_server_and_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"- {{name: in-{name}, context: {{cluster: {name}}}}}" for name in "abcdef"]
    (tmp_path / "config").write_text(CLUSTERS + "\n".join(rows))
    (tmp_path / "ca.crt").write_text("A")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert kubeconfig.same_cluster("in-a") == {"in-a", "in-b", "in-e"}
    assert kubeconfig.same_cluster("in-c") == {"in-c"}
    assert kubeconfig.same_cluster("absent") == frozenset()
