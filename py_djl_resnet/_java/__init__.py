"""Finds Java, collects the jars, starts the JVM, and passes data and errors across."""
