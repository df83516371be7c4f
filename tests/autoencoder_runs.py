"""The recipe of small runs of an autoencoder, and what tests read of them."""

import numpy as np
import PIL.Image

from py_djl_resnet import Recipe

RECIPE = Recipe(
    model="vae-small",
    objective="bernoulli",
    conditional=True,
    latent_dim=5,
    image_size=8,
    limit=160,
    epochs=2,
    batch_size=16,
    optimizer="adam",
    lr=0.003,
)


def pixels(file):
    with PIL.Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def tiles(chart, columns):
    """Returns the images in a figure, (rows, columns, 8, 8), after checking that white is between them."""
    (axes,) = chart.axes
    (drawn,) = axes.images
    whole = np.ma.getdata(drawn.get_array())
    padded = np.pad(whole, (0, 2), constant_values=1)
    parts = padded.reshape(-1, 10, columns, 10).transpose(0, 2, 1, 3)
    assert (parts[:, :, 8:] == 1).all()
    assert (parts[..., 8:] == 1).all()
    return parts[:, :, :8, :8]
