package org.djlresnet.data;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32C;
import org.djlresnet.UserException;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;
import org.djlresnet.image.RawImage;

/** A selection of other examples. */
final class Subset implements Examples {

    private final Examples all;
    private final int[] indices;

    Subset(Examples all, int[] indices) {
        if (indices.length == 0) {
            throw new UserException("A subset needs at least 1 example.");
        }
        for (int i = 0; i < indices.length; i++) {
            if (indices[i] < 0 || indices[i] >= all.size()) {
                throw UserException.of(
                        "Index %d of a subset is out of range. Received: %d. Allowed: 0 to %d.",
                        i, indices[i], all.size() - 1);
            }
        }
        this.all = all;
        this.indices = indices.clone();
    }

    @Override
    public int size() {
        return indices.length;
    }

    @Override
    public ImageShape shape() {
        return all.shape();
    }

    @Override
    public PixelType type() {
        return all.type();
    }

    @Override
    public Preprocessing preprocessing() {
        return all.preprocessing();
    }

    @Override
    public List<String> classNames() {
        return all.classNames();
    }

    @Override
    public int label(int index) {
        return all.label(indices[index]);
    }

    @Override
    public void read(int index, RawImage into) {
        all.read(indices[index], into);
    }

    @Override
    public String path(int index) {
        return all.path(indices[index]);
    }

    /** Depends on all examples, not only on the selected ones. */
    @Override
    public String fingerprint() {
        ByteBuffer chosen = ByteBuffer.allocate(Integer.BYTES * indices.length);
        chosen.asIntBuffer().put(indices);
        CRC32C checksum = new CRC32C();
        checksum.update(all.fingerprint().getBytes(StandardCharsets.US_ASCII));
        checksum.update(chosen);
        return HexFormat.of().toHexDigits((int) checksum.getValue());
    }
}
