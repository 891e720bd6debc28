"""Configuration and catalog to a plan: pure, without I/O and without Pulumi."""
