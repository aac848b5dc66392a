"""Channels: one folder each, with parse, render and a connector. They never import each other."""
