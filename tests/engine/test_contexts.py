"""A change of `cluster.context` moves everything to another cluster, unless only the name has changed."""

from pathlib import Path

import pytest
import yaml

from sandbox.commands import CommandError
from tests.engine.engine import QUEUE, Engine
from tests.engine.stacks import NEW, separate


@pytest.fixture
def contexts(engine: Engine, tmp_path: Path) -> Engine:
    """A kubeconfig with a cluster under two names, and the same cluster at another address."""
    config = yaml.safe_load(engine.sandbox.paths.kubeconfig.read_text())
    (context,), (cluster,) = config["contexts"], config["clusters"]
    elsewhere = cluster["cluster"]["server"].replace("127.0.0.1", "localhost")
    config["clusters"].append({"name": "elsewhere", "cluster": cluster["cluster"] | {"server": elsewhere}})
    other = context["context"] | {"cluster": "elsewhere"}
    named = {"first": context["context"], "renamed": context["context"], "other": other}
    config["contexts"] = [{"name": name, "context": each} for name, each in named.items()]
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    engine.env["KUBECONFIG"] = str(file)
    return engine


def test_a_renamed_context_changes_nothing_and_another_cluster_is_refused(contexts: Engine) -> None:
    use(contexts, "first")
    contexts.up()
    uids = contexts.uids(QUEUE)

    use(contexts, "renamed")
    assert "note CLU007" in contexts.preview()
    contexts.up()
    assert contexts.uids(QUEUE) == uids
    contexts.assert_unchanged()

    use(contexts, "other")
    for command in (contexts.preview, contexts.up):
        with pytest.raises(CommandError) as refused:
            command()
        assert "error CLU007  cluster.context" in refused.value.output
    use(contexts, "other", accept=["CLU007@other"])
    preview = contexts.preview("--diff")
    assert preview.count("+-kubernetes:helm.sh/v3:Release") == 3
    assert contexts.uids(QUEUE) == uids

    use(contexts, "renamed")
    contexts.up("--expect-no-changes")
    contexts.destroy()


def use(engine: Engine, context: str, **config: object) -> None:
    engine.configure(separate(NEW, **config))
    document = yaml.safe_load(engine.stack_file.read_text())
    document["config"]["dynamo-platform:cluster"] = {"context": context}
    engine.stack_file.write_text(yaml.safe_dump(document))
