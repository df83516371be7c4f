"""Residual networks in Java on the Deep Java Library, driven from Python."""
