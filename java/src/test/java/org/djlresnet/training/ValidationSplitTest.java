package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.djlresnet.UserException;
import org.djlresnet.data.Examples;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ValidationSplitTest {

    @TempDir Path dir;

    /** Returns 60 examples of class 0, 30 of class 1 and 10 of class 2, mixed. */
    private static Examples examples() {
        int[] labels =
                IntStream.range(0, 100).map(i -> i % 10 < 6 ? 0 : i % 10 < 9 ? 1 : 2).toArray();
        ByteBuffer pixels = ByteBuffer.allocateDirect(100);
        IntStream.range(0, 100).forEach(i -> pixels.put(i, (byte) i));
        return ImageDataset.of(
                pixels, PixelType.UINT8, new long[] {100, 1, 1, 1}, labels, List.of("a", "b", "c"));
    }

    private static Recipe recipe(Object validation, long seed) {
        JsonPrimitive value =
                validation instanceof Number number
                        ? new JsonPrimitive(number)
                        : new JsonPrimitive(validation.toString());
        return Recipe.fromJson("{\"seed\": " + seed + "}").with("validation", value);
    }

    private static int[] split(Object validation, long seed) {
        return ValidationSplit.indices(recipe(validation, seed), examples());
    }

    @Test
    void takesAFractionOfEachClass() {
        int[] heldOut = split(0.1, 0);
        long[] counts = new long[3];
        for (int index : heldOut) {
            counts[examples().label(index)]++;
        }
        assertArrayEquals(new long[] {6, 3, 1}, counts);
        assertEquals(10, IntStream.of(heldOut).distinct().count());
    }

    @Test
    void splitDependsOnTheSeed() {
        assertArrayEquals(split(0.2, 5), split(0.2, 5));
        assertFalse(Arrays.equals(split(0.2, 5), split(0.2, 6)));
        // over many seeds each example is drawn about equally often: 0.2 · 500 = 100 ± 4σ
        int[] drawn = new int[100];
        for (int seed = 0; seed < 500; seed++) {
            IntStream.of(split(0.2, seed)).forEach(index -> drawn[index]++);
        }
        for (int count : drawn) {
            assertTrue(count > 64 && count < 136, Arrays.toString(drawn));
        }
    }

    @Test
    void partsAreDisjointAndComplete() {
        Splits splits = Splits.of(recipe(0.3, 1), examples(), null, examples());
        assertEquals(70, splits.train().size());
        assertEquals(30, splits.selecting().size());
        assertEquals("validation", splits.part());
        int[] heldOut = split(0.3, 1);
        int[] all =
                IntStream.concat(
                                IntStream.of(heldOut),
                                IntStream.of(ValidationSplit.others(heldOut, 100)))
                        .sorted()
                        .toArray();
        assertArrayEquals(IntStream.range(0, 100).toArray(), all);
    }

    @Test
    void testDataSelectWithoutASplit() {
        Examples test = examples();
        Splits splits = Splits.of(Recipe.fromJson("{}"), examples(), null, test);
        assertNull(ValidationSplit.indices(Recipe.fromJson("{}"), examples()));
        assertEquals("test", splits.part());
        assertEquals(test, splits.selecting());
        assertFalse(splits.keepsTest());
    }

    @Test
    void ownValidationDataSelect() {
        Examples validation = examples();
        Splits splits = Splits.of(Recipe.fromJson("{}"), examples(), validation, null);
        assertEquals("validation", splits.part());
        assertEquals(validation, splits.selecting());
        assertFalse(splits.keepsTest());
        assertEquals("[train, validation]", splits.fingerprints().keySet().toString());
        assertTrue(
                Splits.of(Recipe.fromJson("{}"), examples(), validation, examples()).keepsTest());
        assertTrue(
                assertThrows(
                                SettingException.class,
                                () -> Splits.of(recipe(0.3, 1), examples(), validation, null))
                        .getMessage()
                        .startsWith("\"validation\" cannot be combined with a data set"));
    }

    @Test
    void splitReplacesMissingTestData() {
        Splits splits = Splits.of(recipe(0.3, 1), examples(), null, null);
        assertEquals(30, splits.selecting().size());
        assertFalse(splits.keepsTest());
        assertTrue(
                assertThrows(
                                SettingException.class,
                                () -> Splits.of(Recipe.fromJson("{}"), examples(), null, null))
                        .getMessage()
                        .startsWith("The data have neither validation nor test examples."));
    }

    @Test
    void readsIndicesFromAFile() throws IOException {
        Path file = Files.writeString(dir.resolve("held out.txt"), "7\n\n 99 \n0\n");
        assertArrayEquals(new int[] {0, 7, 99}, split(file, 0));
        assertArrayEquals(new int[] {0, 7, 99}, split(file, 1));
    }

    private static String rejection(Object validation) {
        return assertThrows(UserException.class, () -> split(validation, 0)).getMessage();
    }

    @Test
    void rejectsInvalidIndices() throws IOException {
        for (String line : List.of("100", "-1", "x", "1.5", "99999999999")) {
            Path file = Files.writeString(dir.resolve("bad.txt"), "3\n" + line + "\n");
            assertEquals(
                    file
                            + ", line 2: not the index of a training example. Received: "
                            + line
                            + ". Allowed: a whole number from 0 to 99.",
                    rejection(file));
        }
        Path twice = Files.writeString(dir.resolve("twice.txt"), "3\n7\n\n3\n");
        assertEquals(
                twice + ", line 4: the index 3 is repeated. Give each index once.",
                rejection(twice));
        assertTrue(rejection(dir.resolve("none.txt")).contains("cannot be read"));
    }

    @Test
    void rejectsAPartWithTooFewExamples() throws IOException {
        String message = rejection(0.001);
        assertTrue(message.startsWith("\"validation\" leaves too few"), message);
        assertTrue(message.contains("Received: 0 of 100 training examples held out"), message);
        StringBuilder most = new StringBuilder();
        IntStream.range(0, 99).forEach(i -> most.append(i).append('\n'));
        Path file = Files.writeString(dir.resolve("most.txt"), most);
        assertTrue(rejection(file).contains("Received: 99 of 100"), rejection(file));
    }
}
