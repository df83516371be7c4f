package org.djlresnet.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/** Converts floating-point numbers of a safetensors file to float32. */
final class Floats {

    private Floats() {}

    /** Returns whether a type is a floating-point type. */
    static boolean accepts(Dtype dtype) {
        return switch (dtype) {
            case F64, F32, F16, BF16 -> true;
            default -> false;
        };
    }

    /**
     * Converts numbers. F64 is rounded to the nearest float32; all other types are exact.
     *
     * @param data little-endian numbers of the type
     * @param dtype a floating-point type
     * @return float32 in a direct buffer; the given one if nothing changes
     */
    static ByteBuffer toFloat32(ByteBuffer data, Dtype dtype) {
        ByteBuffer in = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (dtype == Dtype.F32) {
            return in;
        }
        int count = in.remaining() / dtype.bytes();
        ByteBuffer out =
                ByteBuffer.allocateDirect(Math.multiplyExact(count, Float.BYTES))
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            out.putFloat(
                    switch (dtype) {
                        case F64 -> (float) in.getDouble();
                        case F16 -> ofHalf(in.getShort());
                        case BF16 -> Float.intBitsToFloat(in.getShort() << 16);
                        default -> throw new IllegalArgumentException("Not a float: " + dtype);
                    });
        }
        return out.flip();
    }

    /** Converts IEEE 754 binary16, which Java can do from version 20 on. */
    static float ofHalf(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = half >> 10 & 0x1f;
        int fraction = half & 0x3ff;
        if (exponent == 0) {
            // zero and subnormal numbers are multiples of 2^-24
            float magnitude = fraction * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        int widened = exponent == 0x1f ? 0xff : exponent + (127 - 15);
        return Float.intBitsToFloat(sign | widened << 23 | fraction << 13);
    }

    /** Returns whether all float32 numbers are finite. */
    static boolean finite(ByteBuffer data) {
        FloatBuffer floats = data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        while (floats.hasRemaining()) {
            if (!Float.isFinite(floats.get())) {
                return false;
            }
        }
        return true;
    }
}
