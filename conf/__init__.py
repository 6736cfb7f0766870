"""The configuration tree, importable as ``maze.conf``."""
