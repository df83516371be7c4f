package org.djlresnet.program;

import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CodeTest {

    /** A module of a user's block may have any name. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "x",
                "y",
                "q",
                "p",
                "gates",
                "noise",
                "weight",
                "second",
                "share",
                "labels",
                "torch",
                "float",
                "annotate",
                "unchecked_cast",
                "with",
                "elif"
            })
    void noVariableHidesAnArgumentOrAWordOfTheLanguage(String name) {
        assertNotEquals(name, new Code().let(name, "1"));
    }
}
