package org.djlresnet.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.djlresnet.UserException;

/** A floating-point type that convolutions and activations are computed in. */
public enum Precision {
    /** IEEE 754 single precision. */
    FLOAT32,
    /** The upper half of a float32: 8 bits of exponent, 7 of fraction. */
    BFLOAT16;

    /** The choice of {@link #BFLOAT16} where it is faster. */
    public static final String AUTO = "auto";

    private static final boolean BFLOAT16_IS_FAST = hasInstructions("avx512_bf16", "amx_bf16");

    /**
     * Finds a precision by name.
     *
     * @param name float32, bfloat16 or auto
     * @return the precision; for auto, bfloat16 if {@link #isBfloat16Fast}
     * @throws UserException if the name is unknown
     */
    public static Precision of(String name) {
        if (name.equals(AUTO)) {
            return isBfloat16Fast() ? BFLOAT16 : FLOAT32;
        }
        for (Precision precision : values()) {
            if (precision.toString().equals(name)) {
                return precision;
            }
        }
        throw new UserException(
                "Unknown precision. Received: '"
                        + name
                        + "'. Allowed: float32, bfloat16, auto. float16 is not supported.");
    }

    /**
     * Returns whether this processor has instructions for bfloat16, AVX512_BF16 or AMX. Without
     * them, bfloat16 is correct and slower than float32.
     *
     * @return whether it has them; false where Linux does not tell
     */
    public static boolean isBfloat16Fast() {
        return BFLOAT16_IS_FAST;
    }

    private static boolean hasInstructions(String... names) {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(line -> line.startsWith("flags"))
                    .limit(1)
                    .flatMap(line -> Arrays.stream(line.split("\\s+")))
                    .anyMatch(List.of(names)::contains);
        } catch (IOException notLinux) {
            return false;
        }
    }

    /** Returns the name in recipes: float32 or bfloat16. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
