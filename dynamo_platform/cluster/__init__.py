"""Everything that reads a live cluster or a kubeconfig."""
