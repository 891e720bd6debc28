"""Compares what runs in a cluster with what was planned, and says whether `up` repairs the difference."""
