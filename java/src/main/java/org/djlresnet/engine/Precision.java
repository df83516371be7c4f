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

    private static final String AVX512 = "avx512_bf16";
    private static final String AMX = "amx_bf16";
    private static final boolean HAS_BFLOAT16;
    private static final boolean BFLOAT16_IS_FAST;

    static {
        String cpuinfo = cpuinfo();
        HAS_BFLOAT16 = flags(cpuinfo).contains(AVX512) || flags(cpuinfo).contains(AMX);
        BFLOAT16_IS_FAST = isBfloat16Fast(cpuinfo);
    }

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
     * Returns whether bfloat16 is faster than float32 on this processor. Elsewhere it is correct.
     *
     * @return whether the processor has AMX, or is AMD's with AVX512_BF16; false where Linux does
     *     not tell
     */
    public static boolean isBfloat16Fast() {
        return BFLOAT16_IS_FAST;
    }

    /** Returns whether bfloat16 is fast on the first processor of {@code /proc/cpuinfo}. */
    static boolean isBfloat16Fast(String cpuinfo) {
        // Intel's AVX512_BF16 multiplies no faster than its float32 instructions
        return flags(cpuinfo).contains(AMX)
                || flags(cpuinfo).contains(AVX512) && cpuinfo.contains(": AuthenticAMD");
    }

    /**
     * Returns whether this processor has instructions for bfloat16.
     *
     * @return whether it has AVX512_BF16 or AMX; false where Linux does not tell
     */
    public static boolean hasBfloat16() {
        return HAS_BFLOAT16;
    }

    private static List<String> flags(String cpuinfo) {
        return cpuinfo.lines()
                .filter(line -> line.startsWith("flags"))
                .limit(1)
                .flatMap(line -> Arrays.stream(line.split("\\s+")))
                .toList();
    }

    private static String cpuinfo() {
        try {
            return Files.readString(Path.of("/proc/cpuinfo"));
        } catch (IOException notLinux) {
            return "";
        }
    }

    /** Returns the name in recipes: float32 or bfloat16. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
