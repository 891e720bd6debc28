"""What the module costs, as ratios to the same work without it."""
