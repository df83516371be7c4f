package org.djlresnet.augment;

import java.nio.FloatBuffer;
import java.util.List;
import org.djlresnet.data.Augmenter;
import org.djlresnet.data.SplitMix64;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.RawImage;

/** Applies a list of augmentations. */
final class ListAugmenter implements Augmenter {

    private static final long MIX = 0x6d6978;

    private final Augmentation[] images;
    private final List<Mixing> mixings;
    private final long seed;
    private final Canvas canvas;

    ListAugmenter(List<Augmentation> images, List<Mixing> mixings, long seed, Canvas canvas) {
        this.images = images.toArray(Augmentation[]::new);
        this.mixings = mixings;
        this.seed = seed;
        this.canvas = canvas;
    }

    @Override
    public boolean changesImages() {
        return images.length > 0;
    }

    @Override
    public void apply(RawImage image, int epoch, int example) {
        canvas.begin(image);
        // at the original resolution; it also resizes
        if (!(images[0] instanceof ResizedCrop)) {
            canvas.fit();
        }
        for (int place = 0; place < images.length; place++) {
            images[place].apply(canvas, new Draw(seed, epoch, example, place));
        }
    }

    @Override
    public boolean mixes() {
        return !mixings.isEmpty();
    }

    @Override
    public float mix(FloatBuffer batch, ImageShape shape, int count, int epoch, int first) {
        SplitMix64 random = new SplitMix64(SplitMix64.mix(MIX, seed, epoch, first));
        return mixings.get(random.nextInt(mixings.size())).mix(batch, shape, count, random);
    }
}
