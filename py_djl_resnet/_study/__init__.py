"""Studies: sets of runs, and reports on them."""
