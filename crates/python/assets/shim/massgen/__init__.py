"""Stands in for the `massgen` Python package, for files that import the types of its tools."""
