package org.djlresnet.image;

import java.util.List;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** How the pixels of an image are stored. */
public enum PixelType {
    /** One byte, 0 to 255; a batch holds it divided by 255. */
    UINT8("uint8", 1),
    /** Four bytes in native order; a batch holds it unchanged. */
    FLOAT32("float32", 4);

    private final String text;
    private final int bytes;

    PixelType(String text, int bytes) {
        this.text = text;
        this.bytes = bytes;
    }

    /**
     * Finds a pixel type.
     *
     * @param name {@code "uint8"} or {@code "float32"}
     * @return the type of that name
     * @throws UserException if the name is unknown
     */
    public static PixelType of(String name) {
        for (PixelType type : values()) {
            if (type.text.equals(name)) {
                return type;
            }
        }
        throw UserException.of(
                "Unknown pixel type. Received: '%s'.%s",
                name, NearestName.suggest(String.valueOf(name), List.of(UINT8.text, FLOAT32.text)));
    }

    /**
     * Returns the size of a value.
     *
     * @return the number of bytes
     */
    public int bytes() {
        return bytes;
    }

    @Override
    public String toString() {
        return text;
    }
}
