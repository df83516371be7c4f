package org.djlresnet.training;

import java.util.List;
import org.djlresnet.data.Examples;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.RawImage;

/**
 * Examples that report each image that is read.
 *
 * @param examples the examples
 * @param onRead runs before each image
 */
record ObservedExamples(Examples examples, Runnable onRead) implements Examples {

    @Override
    public int size() {
        return examples.size();
    }

    @Override
    public ImageShape shape() {
        return examples.shape();
    }

    @Override
    public PixelType type() {
        return examples.type();
    }

    @Override
    public List<String> classNames() {
        return examples.classNames();
    }

    @Override
    public int label(int index) {
        return examples.label(index);
    }

    @Override
    public void read(int index, RawImage into) {
        onRead.run();
        examples.read(index, into);
    }

    @Override
    public String fingerprint() {
        return examples.fingerprint();
    }
}
