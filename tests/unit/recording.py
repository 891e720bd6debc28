"""An engine that records what a program registers, as it goes over the wire.

Pulumi's own mocks hide nulls, dependencies, providers and options; the request has them all.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import run_pulumi_func

STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Registered:
    """One resource: its request, in the words of a program."""

    request: resource_pb2.RegisterResourceRequest

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def type(self) -> str:
        return self.request.type

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs with their nulls; every number is a float on the wire."""
        inputs: dict[str, Any] = MessageToDict(self.request.object)
        return inputs

    @property
    def parent(self) -> str:
        return _name(self.request.parent)

    @property
    def depends_on(self) -> set[str]:
        return {_name(urn) for urn in self.request.dependencies}

    @property
    def provider(self) -> str | None:
        """The provider's name; None for the default provider."""
        return _name(self.request.provider.rpartition("::")[0]) if self.request.provider else None


class RecordingEngine(mocks.MockMonitor):
    """Runs programs, each in a context and an event loop of its own, so that no test sees another's settings."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        """What the stack's state holds: type and outputs by URN."""
        self.unreadable: list[str] = []
        """Why the state cannot be read, each time until it can."""
        self.manifests: dict[str, list[dict[str, Any]] | str | None] = {}
        """What a release's chart renders to, the error of it, or None where the provider is not configured."""
        self.crds: dict[str, list[dict[str, Any]]] = {}
        """What a release's chart has in its `crds/` folder."""
        self.outputs: dict[str, Any] = {}
        """What a component registered as its outputs, by its name."""
        self.templates: list[dict[str, Any]] = []
        """What the provider was asked to render."""
        self.providers: list[str] = []
        """Which provider was asked, each time."""
        super().__init__(_Echo(self))
        self.registered: list[Registered] = []
        self.logger = logging.getLogger("pulumi-engine")

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802  the service's name
        if request.type != STACK:
            self.registered.append(Registered(request))
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        self.outputs[_name(request.urn)] = MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def __getitem__(self, name: str) -> Registered:
        (found,) = [each for each in self.registered if each.name == name]
        return found

    def of_type(self, end: str) -> list[Registered]:
        return [each for each in self.registered if each.type.endswith(end)]

    def run(
        self,
        program: Callable[[], object],
        *,
        preview: bool = False,
        config: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        """Run a program to its end; ``config`` is the stack's, as the engine hands it over."""

        async def main() -> None:
            pulumi.runtime.set_all_config(dict(config or {}), list(secrets))
            pulumi.runtime.set_mocks(self.mocks, monitor=self, preview=preview, logger=self.logger)
            try:
                await run_pulumi_func(lambda: _no_result(program()))
            finally:
                # What a failed program leaves waits in a loop that is closed, and the next program would await it.
                SETTINGS.outputs.clear()
                SETTINGS.rpc_manager.clear()

        with asyncio.Runner() as runner:
            # Everything that awaited what failed has the same error; it is raised once.
            runner.get_loop().set_exception_handler(lambda *_: None)
            runner.run(main())


class _Echo(mocks.Mocks):
    """Resources come out as they went in; a release is deployed. The state is what the test put there."""

    def __init__(self, engine: RecordingEngine) -> None:
        self.engine = engine

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ == "kubernetes:helm.sh/v3:Release":
            state["status"] = {key: args.inputs[key] for key in ("version", "namespace")} | {"status": "deployed"}
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token == "kubernetes:helm:template":
            self.engine.templates.append(json.loads(args.args["jsonOpts"]))
            self.engine.providers.append(args.provider)
            rendered = self.engine.manifests.get(self.engine.templates[-1]["release_name"], [])
            if isinstance(rendered, str):
                return {}, [("jsonOpts", rendered)]
            options = self.engine.templates[-1]
            crds = [] if options["skip_crd_rendering"] else self.engine.crds.get(options["release_name"], [])
            return {} if rendered is None else {"result": [*rendered, *crds]}, []
        assert args.token == "pulumi:pulumi:readStackResourceOutputs"
        if self.engine.unreadable:
            return {}, [("", self.engine.unreadable.pop())]
        return {"name": args.args["stackName"], "outputs": dict(self.engine.state)}, []


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _no_result(_: object) -> None:
    return None
