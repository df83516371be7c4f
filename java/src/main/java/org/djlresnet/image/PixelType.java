package org.djlresnet.image;

import java.util.List;
import org.djlresnet.NearestName;
import org.djlresnet.UserException;

/** How the pixels of an image are stored. */
public enum PixelType {
    /** One byte, 0 to 255; a batch holds it divided by 255. */
    UINT8("uint8", 1),
    /** Four bytes in the machine's order; a batch holds it as it is. */
    FLOAT32("float32", 4);

    private final String text;
    private final int bytes;

    PixelType(String text, int bytes) {
        this.text = text;
        this.bytes = bytes;
    }

    /**
     * @param name {@code "uint8"} or {@code "float32"}
     * @return the type of that name
     * @throws UserException if there is none
     */
    public static PixelType of(String name) {
        for (PixelType type : values()) {
            if (type.text.equals(name)) {
                return type;
            }
        }
        throw new UserException(
                "Unknown pixel type \""
                        + name
                        + "\""
                        + NearestName.suggest(
                                String.valueOf(name), List.of(UINT8.text, FLOAT32.text)));
    }

    /**
     * @return bytes a pixel
     */
    public int bytes() {
        return bytes;
    }

    @Override
    public String toString() {
        return text;
    }
}
