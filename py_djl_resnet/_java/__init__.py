"""Everything about Java: find it, collect the jars, start the JVM, move data and errors across."""
