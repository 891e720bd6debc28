"""`make pr-check`: the pull request checks, run on a clone of the last commit."""

import pytest

from sandbox.pr_check import STACK, run_checks


@pytest.mark.slow
def test_each_forge_gets_one_comment_with_verdict_objects_and_preview() -> None:
    bodies = [comment["body"] for comment in run_checks()]

    assert len(bodies) == 2
    for body in bodies:
        assert body.startswith(f"<!-- dynamo-platform diff dynamo-platform/{STACK} -->\n")
        assert "### dynamo-platform: 1 stack would change, 1 note" in body
        assert "dynamo-platform 1.5.1 → 1.6.2" in body
        assert "kubernetes-operator:1.5.1 → nvcr.io/nvidia/ai-dynamo/kubernetes-operator:1.6.2" in body
        assert "Same objects, not rendered" in body
        assert "+ 12 to create" in body
