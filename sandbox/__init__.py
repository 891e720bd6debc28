"""A Kubernetes control plane, a chart registry and a Pulumi engine for any laptop."""
