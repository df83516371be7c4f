"""Measures loss surfaces."""
