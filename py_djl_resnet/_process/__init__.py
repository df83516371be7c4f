"""The process and its surroundings: signals, standard streams, notebooks."""
