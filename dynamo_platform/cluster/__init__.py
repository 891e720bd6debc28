"""Everything that reads a live cluster, or finds out which cluster it is."""
