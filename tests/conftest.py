"""Fixtures for all tests: a database of each kind, opened fresh."""
