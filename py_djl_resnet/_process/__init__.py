"""The process: signals, standard streams, notebooks."""
