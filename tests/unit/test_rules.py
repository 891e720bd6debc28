"""Each rule beside its nearest harmless neighbour: what it says, and that it says nothing there."""

from typing import Any, NamedTuple

import pytest

from dynamo_platform import Finding, PlatformError, plan_of
from dynamo_platform.rules import RULES

Page = dict[str, Any]

DEVELOPMENT: Page = {"version": "1.5.1", "profile": "development"}
PRODUCTION: Page = {
    "version": "1.5.1",
    "profile": "production",
    "cluster": {"context": "eu"},
    "kaiScheduler": {"version": "v0.17.0"},
    "grove": {"version": "v0.1.0-alpha.13"},
}
SEPARATE: Page = DEVELOPMENT | {"kaiScheduler": {"mode": "separate"}, "grove": {"mode": "separate"}}


def judged(page: Page, *, provider_given: bool = False) -> tuple[Finding, ...]:
    try:
        return plan_of(page, stack=True, provider_given=provider_given).findings
    except PlatformError as error:
        return error.findings


def without(page: Page, key: str) -> Page:
    return {name: value for name, value in page.items() if name != key}


def kai(version: str, platform: str = "1.5.1", grove: str | None = None) -> Page:
    return {
        "version": platform,
        "profile": "development",
        "kaiScheduler": {"mode": "separate", "version": version},
        "grove": {"mode": "separate"} | ({"version": grove} if grove else {}),
    }


def grove(version: str, platform: str = "1.5.1") -> Page:
    return SEPARATE | {"version": platform, "grove": {"mode": "separate", "version": version}}


def queues(*parents: tuple[str, str | None]) -> Page:
    entries = [{"name": name} | ({"parent": parent} if parent else {}) for name, parent in parents]
    return SEPARATE | {"queues": entries}


def operator_image(**image: str) -> dict[str, Any]:
    return {"dynamo-operator": {"controllerManager": {"manager": {"image": image}}}}


class Case(NamedTuple):
    """A page where a rule speaks, about which path, and the nearest page where it does not."""

    code: str
    path: str
    given: str
    bad: Page
    good: Page
    provider_given: bool = False


CASES = [
    Case("PRO001", "profile", "nothing", without(DEVELOPMENT, "profile"), DEVELOPMENT),
    Case(
        "PRO002",
        "grove.mode",
        "bundled",
        PRODUCTION | {"grove": {"mode": "bundled"}},
        DEVELOPMENT | {"grove": {"mode": "bundled"}},
    ),
    Case("PRO003", "kaiScheduler.version", "nothing", without(PRODUCTION, "kaiScheduler"), PRODUCTION),
    Case(
        "PRO003",
        "grove.version",
        "nothing",
        PRODUCTION | {"grove": {"mode": "external"}},
        PRODUCTION | {"grove": {"mode": "disabled"}},
    ),
    Case("PRO004", "cluster.context", "nothing", without(PRODUCTION, "cluster"), PRODUCTION),
    Case("CLU001", "cluster.context", '"eu"', PRODUCTION, without(PRODUCTION, "cluster"), provider_given=True),
    Case(
        "CLU002",
        "kubernetesVersion",
        '"1.29"',
        DEVELOPMENT | {"kubernetesVersion": "1.29"},
        DEVELOPMENT | {"kubernetesVersion": "1.30"},
    ),
    Case(
        "CLU002",
        "kubernetesVersion",
        '"1.23"',
        DEVELOPMENT | {"version": "1.2.1", "kubernetesVersion": "1.23"},
        DEVELOPMENT | {"version": "1.2.1", "kubernetesVersion": "1.29"},
    ),
    Case(
        "CLU004",
        "monitoring.podMonitors",
        "true",
        DEVELOPMENT | {"monitoring": {"podMonitors": True}, "apiVersions": []},
        DEVELOPMENT | {"monitoring": {"podMonitors": True}, "apiVersions": ["monitoring.coreos.com/v1"]},
    ),
    Case(
        "CLU004",
        "monitoring.metricsService",
        "true",
        DEVELOPMENT | {"monitoring": {"metricsService": True}, "apiVersions": []},
        DEVELOPMENT | {"monitoring": {"metricsService": None}, "apiVersions": []},
    ),
    Case("VER001", "version", "nothing", without(DEVELOPMENT, "version"), DEVELOPMENT),
    Case("VER002", "version", '"1.5"', DEVELOPMENT | {"version": "1.5"}, DEVELOPMENT),
    Case("VER002", "version", '"v1.5.1"', DEVELOPMENT | {"version": "v1.5.1"}, DEVELOPMENT),
    Case("VER003", "version", '"0.9.1"', DEVELOPMENT | {"version": "0.9.1"}, DEVELOPMENT | {"version": "1.0.0"}),
    Case("VER004", "version", '"1.9.0"', DEVELOPMENT | {"version": "1.9.0"}, DEVELOPMENT | {"version": "1.6.9"}),
    Case("VER004", "version", '"2.0.0"', DEVELOPMENT | {"version": "2.0.0"}, DEVELOPMENT | {"version": "0.9.1"}),
    Case("VER005", "version", '"1.6.2"', DEVELOPMENT | {"version": "1.6.2"}, DEVELOPMENT | {"version": "1.6.1"}),
    Case(
        "VER005",
        "version",
        '"1.5.0-dev.20260821"',
        DEVELOPMENT | {"version": "1.5.0-dev.20260821"},
        DEVELOPMENT | {"version": "1.5.0"},
    ),
    Case("DEP001", "kaiScheduler.version", '"0.17.0"', kai("0.17.0"), kai("v0.17.0")),
    Case("DEP001", "grove.version", '"alpha.13"', grove("alpha.13"), grove("v0.1.0-alpha.13")),
    Case("DEP002", "kaiScheduler.version", '"v0.15.3"', kai("v0.15.3"), kai("v0.17.0")),
    Case("DEP002", "kaiScheduler.version", '"v0.17.0-rc1"', kai("v0.17.0-rc1"), kai("v0.17.1-rc1")),
    Case(
        "DEP002",
        "grove.version",
        '"v0.1.0-alpha.9"',
        grove("v0.1.0-alpha.9", "1.2.1"),
        grove("v0.1.0-alpha.8", "1.2.1"),
    ),
    Case("DEP003", "kaiScheduler.version", '"v0.17.1"', kai("v0.17.1"), kai("v0.17.0")),
    Case(
        "DEP004",
        "grove.version",
        '"v0.1.0-alpha.8"',
        grove("v0.1.0-alpha.8", "1.3.1"),
        grove("v0.1.0-alpha.8", "1.2.1"),
    ),
    Case("DEP005", "kaiScheduler.version", '"v0.16.0"', kai("v0.16.0", "1.4.2"), kai("v0.16.1", "1.4.2")),
    Case(
        "DEP005",
        "grove.version",
        '"v0.1.0-alpha.10"',
        grove("v0.1.0-alpha.10", "1.1.1"),
        grove("v0.1.0-alpha.11", "1.1.1"),
    ),
    Case(
        "DEP005",
        "kaiScheduler.mode",
        "bundled, which is v0.13.0-rc1",
        DEVELOPMENT | {"version": "1.0.2"},
        DEVELOPMENT | {"version": "1.1.0"},
    ),
    *(
        Case(
            "DEP006",
            f"grove.{name}",
            shown,
            DEVELOPMENT | {"grove": {"mode": "bundled", name: value}},
            SEPARATE | {"grove": {"mode": "separate", name: value}},
        )
        for name, value, shown in [
            ("version", "v0.1.0-alpha.13", '"v0.1.0-alpha.13"'),
            ("namespace", "grove", '"grove"'),
            ("chart", "./grove.tgz", '"./grove.tgz"'),
            ("repository", "oci://mirror", '"oci://mirror"'),
            ("timeout", 60, "60"),
        ]
    ),
    Case(
        "DEP006",
        "grove.values",
        '{"a": 1}',
        DEVELOPMENT | {"grove": {"mode": "disabled", "values": {"a": 1}}},
        DEVELOPMENT | {"grove": {"mode": "bundled", "values": {"a": 1}}},
    ),
    *(
        Case(
            "DEP007",
            f"grove.{name}",
            shown,
            SEPARATE | {"grove": {"mode": "external", name: value}},
            SEPARATE | {"grove": {"mode": "external", "version": "v0.1.0-alpha.13", "namespace": "g", "timeout": 60}},
        )
        for name, value, shown in [
            ("values", {"a": 1}, '{"a": 1}'),
            ("chart", "./grove.tgz", '"./grove.tgz"'),
            ("repository", "oci://mirror", '"oci://mirror"'),
        ]
    ),
    Case("KAI001", "kaiScheduler.version", '"v0.15.3"', kai("v0.15.3", "1.2.1"), kai("v0.15.3", "1.1.1")),
    Case(
        "KAI001",
        "kaiScheduler.mode",
        "bundled, which is v0.13.4",
        DEVELOPMENT | {"version": "1.4.2"},
        DEVELOPMENT | {"version": "1.5.0"},
    ),
    Case(
        "KAI002",
        "grove.mode",
        "disabled",
        SEPARATE | {"grove": {"mode": "disabled"}},
        SEPARATE | {"grove": {"mode": "disabled"}, "kaiScheduler": {"mode": "disabled"}},
    ),
    Case(
        "GRV001",
        "grove.mode",
        "separate",
        SEPARATE | {"kaiScheduler": {"mode": "bundled"}},
        SEPARATE | {"kaiScheduler": {"mode": "bundled"}, "grove": {"mode": "bundled"}},
    ),
    Case(
        "GRV002",
        "kaiScheduler.version",
        '"v0.14.7"',
        kai("v0.14.7", "1.4.2", "v0.1.0-alpha.13"),
        kai("v0.14.7", "1.4.2", "v0.1.0-alpha.12-rc1"),
    ),
    Case(
        "GRV002",
        "kaiScheduler.version",
        '"v0.14.7"',
        kai("v0.14.7", "1.4.2", "v0.1.0-alpha.13"),
        kai("v0.15.3", "1.4.2", "v0.1.0-alpha.13"),
    ),
    Case(
        "NET001",
        "nats.address",
        "nothing",
        DEVELOPMENT | {"nats": {"mode": "external"}},
        DEVELOPMENT | {"nats": {"mode": "external", "address": "nats://nats:4222"}},
    ),
    Case(
        "NET001",
        "etcd.address",
        '"etcd:2379"',
        DEVELOPMENT | {"etcd": {"address": "etcd:2379"}},
        DEVELOPMENT | {"etcd": {"mode": "external", "address": "etcd:2379"}},
    ),
    Case(
        "NET002",
        "discoveryBackend",
        "etcd",
        DEVELOPMENT | {"discoveryBackend": "etcd"},
        DEVELOPMENT | {"discoveryBackend": "etcd", "etcd": {"mode": "bundled"}},
    ),
    Case(
        "QUE001",
        "queues",
        "a, b",
        queues(("a", None), ("b", None)) | {"kaiScheduler": {"mode": "disabled"}},
        SEPARATE | {"kaiScheduler": {"mode": "disabled"}, "queues": []},
    ),
    Case(
        "QUE002",
        "queues[1]",
        "dynamo",
        DEVELOPMENT | {"queues": [{"name": "a"}, {"name": "dynamo"}]},
        SEPARATE | {"queues": [{"name": "a"}, {"name": "dynamo"}]},
    ),
    Case("QUE003", "queues[1].name", "a", queues(("a", None), ("a", "dynamo")), queues(("a", None), ("b", "dynamo"))),
    Case("QUE004", "queues[0].parent", "c", queues(("a", "c")), queues(("a", "default-parent-queue"))),
    Case(
        "QUE005",
        "queues[0].parent",
        '"b"',
        queues(("a", "b"), ("b", "a")),
        queues(("a", "b"), ("b", "dynamo-default")),
    ),
    Case("QUE005", "queues[0].parent", '"a"', queues(("a", "a")), queues(("a", "dynamo"))),
    Case(
        "QUE005",
        "queues[0].parent",
        '"dynamo"',
        queues(("dynamo-default", "dynamo")),
        queues(("dynamo", "dynamo-default")),
    ),
    Case(
        "VAL001",
        "values.global.grove.enabled",
        "false",
        DEVELOPMENT | {"values": {"global": {"grove": {"enabled": False}}}},
        DEVELOPMENT | {"values": {"global": {"grove": {"enabled": True, "other": 1}}}},
    ),
    Case(
        "VAL001",
        "values.global.grove",
        "null",
        DEVELOPMENT | {"values": {"global": {"grove": None}}},
        DEVELOPMENT | {"values": {"global": {"groves": None}}},
    ),
    Case(
        "VAL001",
        "grove.values.crdInstaller.enabled",
        "false",
        SEPARATE | {"grove": {"mode": "separate", "values": {"crdInstaller": {"enabled": False}}}},
        SEPARATE | {"version": "1.0.2", "grove": {"mode": "separate", "values": {"crdInstaller": {"enabled": False}}}},
    ),
    Case(
        "VAL001",
        "values.dynamo-operator.dynamo.metrics.podMonitors.enabled",
        "false",
        DEVELOPMENT
        | {
            "monitoring": {"podMonitors": True},
            "values": {"dynamo-operator": {"dynamo": {"metrics": {"podMonitors": {"enabled": False}}}}},
        },
        DEVELOPMENT
        | {
            "monitoring": {"podMonitors": None},
            "values": {"dynamo-operator": {"dynamo": {"metrics": {"podMonitors": {"enabled": False}}}}},
        },
    ),
    Case(
        "KEY001",
        "values.metricsService",
        '{"enabled": false}',
        DEVELOPMENT | {"values": {"metricsService": {"enabled": False}}},
        DEVELOPMENT | {"values": {"dynamo-operator": {"metricsService": {"enabled": False}}}},
    ),
    Case(
        "KEY002",
        "values.dynamo-operator.metricsService",
        "null",
        DEVELOPMENT | {"values": {"dynamo-operator": {"metricsService": None}}},
        DEVELOPMENT | {"values": {"dynamo-operator": {"metricsService": {"enabled": None}}}},
    ),
    Case(
        "KEY003",
        "kaiScheduler.values.operator.qps",
        "null",
        DEVELOPMENT | {"kaiScheduler": {"values": {"operator": {"qps": None}}}},
        SEPARATE | {"kaiScheduler": {"mode": "separate", "values": {"operator": {"qps": None}}}},
    ),
    Case(
        "KEY004",
        "values.dynamo-operator.upgradeCRD",
        '"false"',
        DEVELOPMENT | {"values": {"dynamo-operator": {"upgradeCRD": "false"}}},
        DEVELOPMENT | {"values": {"dynamo-operator": {"upgradeCRD": False}}},
    ),
    Case(
        "KEY005",
        "values.dynamo-operator.controllerManager.manager.image.tag",
        '"1.5.0"',
        DEVELOPMENT | {"values": operator_image(tag="1.5.0")},
        DEVELOPMENT | {"values": operator_image(tag="1.5.1", repository="registry.example.com/kubernetes-operator")},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.path}-{case.given}")
def test_rule_speaks_here_and_not_next_door(case: Case) -> None:
    found = [
        (finding.path, finding.given)
        for finding in judged(case.bad, provider_given=case.provider_given)
        if finding.code == case.code
    ]
    assert (case.path, case.given) in found
    neighbours = judged(case.good, provider_given=case.provider_given)
    assert (case.code, case.path) not in {(finding.code, finding.path) for finding in neighbours}


def test_every_rule_has_a_case() -> None:
    assert {case.code for case in CASES} == {rule.code for rule in RULES}


def test_codes_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.path}-{case.given}")
def test_finding_says_what_is_allowed_why_and_where_to_read(case: Case) -> None:
    for finding in judged(case.bad, provider_given=case.provider_given):
        assert finding.allowed
        assert finding.why.endswith(".")
        assert finding.docs.startswith(("https://", "README.md#"))


@pytest.mark.parametrize("page", [DEVELOPMENT, PRODUCTION, SEPARATE], ids=["development", "production", "separate"])
def test_sound_page_has_no_findings(page: Page) -> None:
    assert judged(page) == ()


def test_a_provider_names_the_cluster_of_production() -> None:
    assert judged(without(PRODUCTION, "cluster"), provider_given=True) == ()


@pytest.mark.parametrize("name", ["dynamo-default", "dynamo"])
def test_numbers_for_the_charts_queues_are_refused_while_bundled(name: str) -> None:
    (finding,) = judged(DEVELOPMENT | {"queues": [{"name": name}]})
    assert (finding.code, finding.severity) == ("QUE002", "error")


# accept


def severities(page: Page, code: str) -> set[str]:
    return {finding.severity for finding in judged(page) if finding.code == code}


@pytest.mark.parametrize(
    ("code", "page", "severity"),
    [
        ("VER005", DEVELOPMENT | {"version": "1.6.2"}, "warning"),
        ("KAI002", SEPARATE | {"grove": {"mode": "disabled"}}, "warning"),
        ("DEP005", kai("v0.16.0", "1.1.1"), "error"),
        ("VAL001", DEVELOPMENT | {"values": {"global": {"grove": {"enabled": False}}}}, "error"),
    ],
)
def test_accepted_finding_becomes_a_note(code: str, page: Page, severity: str) -> None:
    assert severities(page, code) == {severity}
    assert severities(page | {"accept": [code]}, code) == {"note"}


def test_accepting_one_code_leaves_the_others() -> None:
    assert severities(DEVELOPMENT | {"version": "1.6.2", "accept": ["KAI002"]}, "VER005") == {"warning"}


@pytest.mark.parametrize(
    "code", sorted({rule.code for rule in RULES if rule.severity == "error" and not rule.acceptable})
)
def test_error_that_cannot_be_accepted_stays_one(code: str) -> None:
    case = next(case for case in CASES if case.code == code)
    accepted = judged(case.bad | {"accept": [code]}, provider_given=case.provider_given)
    assert {finding.severity for finding in accepted if finding.code == code} == {"error"}
