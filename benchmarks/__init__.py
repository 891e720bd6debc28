"""Measures the cost of the module as ratios to the same work without it."""
