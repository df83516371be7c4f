"""Internals of loss surfaces."""
