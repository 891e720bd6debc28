"""Helm releases as the stack's configuration lists them: a program without this project's module."""

import pulumi
from pulumi_kubernetes.helm.v3 import Release

for release in pulumi.Config().require_object("releases"):
    Release(release["name"], create_namespace=True, **release)
