"""Downloads of jars and data sets."""
