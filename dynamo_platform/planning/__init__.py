"""Turns configuration and catalog into a plan: pure, without I/O and without Pulumi."""
