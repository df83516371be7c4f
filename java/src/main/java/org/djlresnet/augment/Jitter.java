package org.djlresnet.augment;

import org.djlresnet.image.ImageShape;

/**
 * Changes a property of an image's colours by a random factor, like torchvision's {@code
 * ColorJitter}.
 *
 * @param property the property
 * @param strength the factor is from {@code max(0, 1 - strength)} to {@code 1 + strength}
 */
record Jitter(Property property, double strength) implements Augmentation {

    /** Changes a property by a factor; 1 leaves the image as it is. */
    enum Property {
        BRIGHTNESS {
            @Override
            void change(Canvas canvas, float factor) {
                Colour.brightness(canvas, factor);
            }
        },
        CONTRAST {
            @Override
            void change(Canvas canvas, float factor) {
                Colour.contrast(canvas, factor);
            }
        },
        SATURATION {
            @Override
            void change(Canvas canvas, float factor) {
                Colour.saturation(canvas, factor);
            }
        };

        abstract void change(Canvas canvas, float factor);
    }

    @Override
    public String misfit(ImageShape shape) {
        boolean grey = property == Property.SATURATION && shape.channels() != 3;
        return grey ? "images with 3 channels" : null;
    }

    @Override
    public void apply(Canvas canvas, Draw draw) {
        double least = Math.max(0, 1 - strength);
        float factor = (float) ResizedCrop.between(draw.random(), least, 1 + strength);
        property.change(canvas, factor);
    }
}
