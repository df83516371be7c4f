package org.djlresnet.image;

import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.djlresnet.UserException;

/**
 * Describes how an image becomes a network's input. The steps, in this order: conversion to grey or
 * colour, resizing, centre crop, scaling of bytes to [0, 1], {@code (x - mean) / deviation}. {@link
 * Preprocessor} applies them.
 *
 * <p>Float32 images are not scaled to [0, 1]. Conversion to grey is Pillow's {@code (19595 R +
 * 38470 G + 7471 B + 32768) >> 16}; conversion to colour repeats the channel. A crop larger than
 * the image pads with 0, as in torchvision.
 *
 * @param channels the channels of the result, 1 or more; 1 and 3 also accept images with 3 and 1
 * @param resize the resizing, or null for none
 * @param crop the size of the centre crop, or null for none
 * @param mean the number to subtract from each channel, or null
 * @param deviation the number to divide each channel by, above 0, or null
 */
public record Preprocessing(
        int channels, Resize resize, Crop crop, List<Double> mean, List<Double> deviation) {

    private static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);
    private static final List<Double> IMAGENET_DEVIATION = List.of(0.229, 0.224, 0.225);

    /**
     * The size of a crop.
     *
     * @param height pixels, 1 or more
     * @param width pixels, 1 or more
     */
    public record Crop(int height, int width) {}

    /**
     * Creates a preprocessing.
     *
     * @throws UserException if a number is out of range, or mean or deviation does not have one
     *     number for each channel
     */
    public Preprocessing {
        requireSize("channels", channels);
        if (resize != null) {
            requireSize("resize.height", resize.height());
            requireSize("resize.width", resize.width());
        }
        if (crop != null) {
            requireSize("crop.height", crop.height());
            requireSize("crop.width", crop.width());
        }
        mean = requireNumbers("mean", mean, channels, false);
        deviation = requireNumbers("deviation", deviation, channels, true);
    }

    private static void requireSize(String key, int value) {
        if (value < 1) {
            throw UserException.of(
                    "Invalid value for \"%s\" in a preprocessing. Received: %d. Allowed: 1 or more.",
                    key, value);
        }
    }

    private static List<Double> requireNumbers(
            String key, List<Double> values, int channels, boolean above0) {
        if (values == null) {
            return null;
        }
        boolean fit =
                values.size() == channels
                        && values.stream()
                                .allMatch(v -> v != null && isAllowed(v.floatValue(), above0));
        if (!fit) {
            throw UserException.of(
                    "Invalid value for \"%s\" in a preprocessing. Received: %s. Allowed: a number%s"
                            + " for each channel (%d), or null.",
                    key, values, above0 ? " above 0" : "", channels);
        }
        return List.copyOf(values);
    }

    private static boolean isAllowed(float value, boolean above0) {
        return Float.isFinite(value) && !(above0 && value <= 0);
    }

    /**
     * Creates a preprocessing that stretches images to a size, bilinearly in float32.
     *
     * @param shape channels, height and width
     * @return a preprocessing without normalization
     */
    public static Preprocessing exact(ImageShape shape) {
        Resize resize = Resize.exact(shape.height(), shape.width(), Interpolation.BILINEAR, false);
        return new Preprocessing(shape.channels(), resize, null, null, null);
    }

    /**
     * Returns the preprocessing of torchvision's ImageNet networks: short side 256, bilinear,
     * centre crop 224, ImageNet's mean and deviation.
     *
     * @return the preprocessing, with 3 channels
     */
    public static Preprocessing torchvision() {
        return new Preprocessing(
                3,
                Resize.shortSide(256, Interpolation.BILINEAR, true),
                new Crop(224, 224),
                IMAGENET_MEAN,
                IMAGENET_DEVIATION);
    }

    /**
     * Replaces the normalization.
     *
     * @param means the number to subtract from each channel
     * @param deviations the number to divide each channel by; channels without any become 1
     * @return the preprocessing
     */
    public Preprocessing normalized(IntToDoubleFunction means, IntToDoubleFunction deviations) {
        return new Preprocessing(
                channels,
                resize,
                crop,
                IntStream.range(0, channels).mapToObj(means::applyAsDouble).toList(),
                IntStream.range(0, channels)
                        .mapToObj(deviations::applyAsDouble)
                        .map(deviation -> deviation > 0 ? deviation : 1)
                        .toList());
    }

    /**
     * Parses a preset's name or a JSON object.
     *
     * @param text {@code "torchvision"}, {@code "plain:N"} (stretched to N×N, no normalization) or
     *     a JSON object, see {@link #toJson}
     * @param channels the channels that the network takes
     * @return the preprocessing, of these channels
     * @throws UserException if the text is neither, has an invalid value or is for other channels
     */
    public static Preprocessing of(String text, int channels) {
        Preprocessing found = PreprocessingText.read(text, channels);
        if (found.channels != channels) {
            throw UserException.of(
                    "The preprocessing outputs images with %s, but the network needs %d. Received: %s.",
                    count(found.channels), channels, text);
        }
        return found;
    }

    /**
     * Parses a preset's name or a JSON object without a network.
     *
     * @param text see {@link #of(String, int)}
     * @return the preprocessing; {@code "plain:N"} has 3 channels
     * @throws UserException if the text is neither, or has an invalid value
     */
    public static Preprocessing of(String text) {
        return PreprocessingText.read(text, 3);
    }

    /**
     * Writes the preprocessing as JSON: {@code {"channels": 3, "resize": {"to": "short-side",
     * "size": 256, "interpolation": "bilinear", "rounded": true}, "crop": {"height": 224, "width":
     * 224}, "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}}. "to" may be
     * "exact", then with "height" and "width"; all but channels may be null, and missing where it
     * is read.
     *
     * @return a JSON object that {@link #of(String)} reads
     */
    public String toJson() {
        return PreprocessingText.write(this).toString();
    }

    /**
     * Replaces resizing and crop by stretching; channels and normalization stay.
     *
     * @param size the height and width in pixels, 1 or more
     * @return the preprocessing
     */
    public Preprocessing withImageSize(int size) {
        return new Preprocessing(
                channels,
                Resize.exact(size, size, Interpolation.BILINEAR, false),
                null,
                mean,
                deviation);
    }

    /**
     * Creates the preprocessing of images that differ in size: short side resized to about 8/7 of a
     * size, bilinearly in bytes, and a centre crop of that size, as in torchvision's for 224.
     *
     * @param channels the channels, 1 or 3
     * @param size the height and width of the crop, 1 or more
     * @return a preprocessing without normalization
     */
    public static Preprocessing centred(int channels, int size) {
        int side = size + 2 * Math.round(size / 14f);
        return new Preprocessing(
                channels,
                Resize.shortSide(side, Interpolation.BILINEAR, true),
                new Crop(size, size),
                null,
                null);
    }

    /**
     * Resizes in bytes; other steps stay.
     *
     * @return the preprocessing
     */
    public Preprocessing rounded() {
        if (resize == null || resize.rounded()) {
            return this;
        }
        Resize inBytes =
                new Resize(
                        resize.target(),
                        resize.height(),
                        resize.width(),
                        resize.interpolation(),
                        true);
        return new Preprocessing(channels, inBytes, crop, mean, deviation);
    }

    /**
     * Returns the first steps, which may be applied to images of bytes before they are stored: this
     * preprocessing gives the same result for the stored image as for the original one.
     *
     * @return conversion to grey or colour and resizing; null if images are stored unchanged,
     *     because they are not resized, or in float32
     */
    public Preprocessing storable() {
        return resize == null || !resize.rounded()
                ? null
                : new Preprocessing(channels, resize, null, null, null);
    }

    /**
     * Returns what remains of this preprocessing for images that are already resized and cropped.
     *
     * @return a preprocessing with the same channels, mean and deviation
     */
    public Preprocessing normalization() {
        return new Preprocessing(channels, null, null, mean, deviation);
    }

    /**
     * Changes the number of channels, which removes mean and deviation.
     *
     * @param number the number of channels, 1 or more
     * @return this preprocessing if the number is the same, else another
     */
    public Preprocessing withChannels(int number) {
        return number == channels ? this : new Preprocessing(number, resize, crop, null, null);
    }

    /**
     * Returns the shape of a prepared image.
     *
     * @param in the image's shape; null for images of any size
     * @return the shape of the result
     * @throws UserException if the image's channels cannot be converted, or images of any size do
     *     not get the same size
     */
    public ImageShape output(ImageShape in) {
        if (in != null) {
            return Geometry.of(this, in).out();
        }
        if (crop != null) {
            return new ImageShape(channels, crop.height(), crop.width());
        }
        if (resize == null || resize.target() != Resize.Target.EXACT) {
            throw new UserException(
                    "The images differ in size, even after preprocessing. Received: "
                            + toJson()
                            + ". Allowed: a preprocessing with a crop, or with resizing to an exact size.");
        }
        return new ImageShape(channels, resize.height(), resize.width());
    }

    /**
     * Returns the size of all prepared images.
     *
     * @return the height and width in pixels; null if they differ, or depend on the image
     */
    public Integer imageSize() {
        boolean fixed = crop != null || resize != null && resize.target() == Resize.Target.EXACT;
        ImageShape out = fixed ? output(null) : null;
        return fixed && out.height() == out.width() ? out.height() : null;
    }

    static String count(int channels) {
        return channels == 1 ? "1 channel" : channels + " channels";
    }
}
