"""A local Kubernetes control plane, chart registry and Pulumi engine, without containers."""
