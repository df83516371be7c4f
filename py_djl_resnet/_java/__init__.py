"""Java as Python sees it: finding it, its jars and options, starting the JVM, and what crosses."""
