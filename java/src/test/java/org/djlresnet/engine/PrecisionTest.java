package org.djlresnet.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrecisionTest {

    // Measured with d2l-resnet18 and cifar-resnet20: faster on AMD Zen 5, slower on an Intel
    // without AMX
    @ParameterizedTest
    @CsvSource({
        "AuthenticAMD, fma avx512_bf16 clzero, true",
        "GenuineIntel, fma avx512_bf16 wbnoinvd, false",
        "GenuineIntel, fma avx512_bf16 amx_bf16 amx_tile, true",
        "AuthenticAMD, fma avx512_bitalg, false",
    })
    void autoChoosesBfloat16WhereItIsFaster(String vendor, String flags, boolean fast) {
        String processor = "processor\t: 0\nvendor_id\t: " + vendor + "\nflags\t\t: ";
        String cpuinfo = processor + flags + "\n\n" + processor + "amx_bf16\n";
        assertEquals(fast, Precision.isBfloat16Fast(cpuinfo));
        assertEquals(false, Precision.isBfloat16Fast(""));
    }
}
