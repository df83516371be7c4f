"""Variational autoencoders: their calls on arrays, images to look at, and directions of the latent space."""
