"""What the charts of a plan render to: by the provider in a preview, by ``helm`` for the commands."""
