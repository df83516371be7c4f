"""Downloads of data sets: fetching, verifying and unpacking."""
