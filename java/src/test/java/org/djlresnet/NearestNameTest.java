package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearestNameTest {

    private static final List<String> KNOWN = List.of("fashion-mnist", "idx");

    @Test
    void suggestsNearestAndListsAll() {
        assertEquals(
                " Did you mean 'fashion-mnist'? Allowed: fashion-mnist, idx.",
                NearestName.suggest("Fashion_mnst", KNOWN));
    }

    @Test
    void suggestsNothingIfNothingIsSimilar() {
        assertEquals(" Allowed: fashion-mnist, idx.", NearestName.suggest("imagenet", KNOWN));
        assertEquals(
                " Allowed: fashion-mnist, idx.", NearestName.suggest("x".repeat(100_000), KNOWN));
    }

    @Test
    void distanceCountsInsertionsDeletionsAndReplacements() {
        assertEquals(3, NearestName.distance("kitten", "sitting"));
        assertEquals(4, NearestName.distance("", "four"));
        assertEquals(2, NearestName.distance("flaw", "lawn"));
    }
}
