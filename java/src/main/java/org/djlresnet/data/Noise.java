package org.djlresnet.data;

import java.util.List;
import java.util.SplittableRandom;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;

/**
 * Random images in place of some that are not decoded yet.
 *
 * @param shape the shape of every image
 * @param labels the label of each example, 0 to {@code classNames.size() - 1}
 * @param classNames the class names, by label
 * @param preprocessing how a network prepares the images
 */
public record Noise(
        ImageShape shape, int[] labels, List<String> classNames, Preprocessing preprocessing)
        implements Examples {

    @Override
    public int size() {
        return labels.length;
    }

    @Override
    public PixelType type() {
        return PixelType.UINT8;
    }

    @Override
    public int label(int index) {
        return labels[index];
    }

    @Override
    public void read(int index, RawImage into) {
        byte[] pixels = into.holdBytes(shape);
        SplittableRandom random = new SplittableRandom(index);
        for (int i = 0; i < shape.values(); i++) {
            pixels[i] = (byte) random.nextInt();
        }
    }

    @Override
    public String fingerprint() {
        return "00000000";
    }
}
