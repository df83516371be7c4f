package org.djlresnet.augment;

import org.djlresnet.data.SplitMix64;

/**
 * Applies one random operation of random strength, with the operations and ranges of torchvision's
 * {@code TrivialAugmentWide} (Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art
 * Data Augmentation", 2021). Geometric operations are bilinear.
 */
record Trivial() implements Augmentation {

    /** The number of strengths. */
    static final int BINS = 31;

    /** The operations in torchvision's order. */
    enum Kind {
        IDENTITY,
        SHEAR_X,
        SHEAR_Y,
        TRANSLATE_X,
        TRANSLATE_Y,
        ROTATE,
        BRIGHTNESS,
        SATURATION,
        CONTRAST,
        SHARPNESS,
        POSTERIZE,
        SOLARIZE,
        AUTO_CONTRAST,
        EQUALIZE
    }

    private static final Kind[] KINDS = Kind.values();

    @Override
    public void apply(Canvas canvas, Draw draw) {
        SplitMix64 random = draw.random();
        Kind kind = KINDS[random.nextInt(KINDS.length)];
        int bin = random.nextInt(BINS);
        change(canvas, kind, bin, random.nextInt(2) == 1);
    }

    /**
     * Applies an operation.
     *
     * @param kind the operation
     * @param bin the strength, 0 to 30
     * @param negative the direction, for operations that have one
     */
    static void change(Canvas canvas, Kind kind, int bin, boolean negative) {
        float part = (negative ? -bin : bin) / (BINS - 1f);
        float factor = 0.99f * part;
        switch (kind) {
            case IDENTITY -> {}
            case SHEAR_X -> Warp.shearX(canvas, factor);
            case SHEAR_Y -> Warp.shearY(canvas, factor);
            case TRANSLATE_X -> Shift.move(canvas, 0, (int) (32 * part), false);
            case TRANSLATE_Y -> Shift.move(canvas, (int) (32 * part), 0, false);
            case ROTATE -> Warp.rotate(canvas, 135 * part);
            case BRIGHTNESS -> Colour.brightness(canvas, 1 + factor);
            case SATURATION -> Colour.saturation(canvas, 1 + factor);
            case CONTRAST -> Colour.contrast(canvas, 1 + factor);
            case SHARPNESS -> Colour.sharpness(canvas, 1 + factor);
            case POSTERIZE -> Colour.posterize(canvas, 8 - Math.round(bin / 5f));
            case SOLARIZE -> Colour.solarize(canvas, 255 - 255 * bin / (BINS - 1f));
            case AUTO_CONTRAST -> Colour.autoContrast(canvas);
            case EQUALIZE -> Colour.equalize(canvas);
        }
    }
}
