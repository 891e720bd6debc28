"""The objects that charts render to: with the provider in previews and updates, with ``helm`` for the commands."""
