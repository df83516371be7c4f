package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class FreezingTest extends ResumeFixture {

    /** Trains, and returns the names of the tensors that have changed. */
    private static Set<String> changed(String settings) {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'model': 'cifar-resnet20', 'epochs': 1, 'batch_size': 8, 'momentum': 0.9,"
                                + settings
                                + "}");
        try (Network network = network(recipe)) {
            Map<String, byte[]> before = parameters(network);
            trainer(recipe, network, 16, 8, null).run();
            Map<String, byte[]> after = parameters(network);
            network.parameters()
                    .forEach(
                            (name, parameter) ->
                                    assertEquals(
                                            !name.contains("running"),
                                            parameter.requiresGradient()));
            return before.keySet().stream()
                    .filter(name -> !Arrays.equals(before.get(name), after.get(name)))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @ParameterizedTest
    @CsvSource({"true, body", "false, body", "true, 'stem,layer1,layer2,layer3'"})
    void trainsTheHeadAlone(boolean compile, String freeze) {
        assertEquals(
                Set.of("fc.weight", "fc.bias"),
                changed("'compile': %s, 'freeze': '%s'".formatted(compile, freeze)));
    }

    @Test
    void trainsTheHeadAloneInBfloat16() {
        Set<String> changed =
                changed("'precision': 'bfloat16', 'freeze': 'stem, layer1, layer2, layer3'");
        assertEquals(Set.of("fc.weight", "fc.bias"), changed);
        // layers behind frozen ones have gradients
        changed = changed("'precision': 'bfloat16', 'freeze': 'stem, layer1, layer2'");
        assertTrue(changed.contains("layer3.0.conv1.weight"));
        assertFalse(changed.contains("layer2.2.conv2.weight"));
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void updatesFrozenStatisticsOnRequest(boolean compile) {
        Set<String> changed =
                changed(
                        "'compile': %s, 'freeze': 'body', 'freeze_statistics': false"
                                .formatted(compile));
        assertTrue(changed.contains("layer2.1.bn1.running_mean"));
        assertTrue(changed.contains("bn1.running_var"));
        assertFalse(changed.contains("layer2.1.bn1.weight"));
    }

    @Test
    void freezesAndThawsByEpoch() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'model': 'cifar-resnet20', 'epochs': 3, 'batch_size': 8, 'momentum': 0.9,"
                                + " 'optimizer': 'sgd', 'freeze': 'body:1, layer3:2, fc.bias:1-'}");
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 16, 8, null);
            byte[][] first = {
                values(network, "conv1.weight"), values(network, "layer3.0.conv1.weight")
            };
            byte[][] bias = {values(network, "fc.bias")};
            trainer.onEpoch(
                    row -> {
                        byte[] stem = values(network, "conv1.weight");
                        byte[] deep = values(network, "layer3.0.conv1.weight");
                        byte[] now = values(network, "fc.bias");
                        assertEquals(row.epoch() == 1, Arrays.equals(first[0], stem));
                        assertEquals(row.epoch() <= 2, Arrays.equals(first[1], deep));
                        assertEquals(row.epoch() > 1, Arrays.equals(bias[0], now));
                        bias[0] = now;
                    });
            trainer.run();
            assertEquals(3, trainer.progress().rows().size());
        }
    }

    private static byte[] values(Network network, String name) {
        return network.parameters().get(name).getArray().toByteArray();
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.5})
    void blocksAndProgramAgree(double drops) {
        String recipe =
                "{'model': 'cifar-resnet20', 'stochastic_depth': "
                        + drops
                        + ", 'batch_size': 8, 'epochs': 1, 'lr': 0.01, 'freeze':"
                        + " 'stem, layer1, layer2.0.conv1.weight, layer3.1.bn1', 'compile': ";
        float[][] heads = new float[2][];
        for (boolean compile : new boolean[] {true, false}) {
            TrainingRun run = prepare(recipe + compile + "}", null);
            run.trainer().run();
            heads[compile ? 0 : 1] =
                    run.network().stateDict().get("layer2.0.conv2.weight").toFloatArray();
            run.network().close();
        }
        assertArrayEquals(heads[0], heads[1], 1e-4f);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "layer9 | Did you mean 'layer1'",
                "weight,bias,norm | no parameter to train in epoch 1",
                "body, head:1- | no parameter to train in epoch 2",
            })
    void rejects(String freeze, String expected) {
        String recipe = "{'model': 'cifar-resnet20', 'epochs': 2, 'freeze': '" + freeze + "'}";
        String message =
                assertThrows(UserException.class, () -> prepare(recipe, null)).getMessage();
        assertTrue(message.contains(expected), message);
    }

    private static String warning(String settings) {
        return SettingChecks.neverBegins(QuadrantImages.recipe("{'epochs': 2, " + settings + "}"));
    }

    @Test
    void warnsOfWhatWouldBeginAfterTheLastEpoch() {
        assertNull(warning("'freeze': 'stem:1-, layer1:2', 'lookahead': 'airbench:1'"));
        assertNull(warning("'lookahead': '9:0.5'"));
        assertEquals(
                "\"freeze\" stem:2- has no effect, because the run ends after 2 epochs.",
                warning("'freeze': 'stem:2-, layer1:1-'"));
        assertEquals(
                "\"lookahead\" airbench:2 and \"freeze\" stem:9- have no effect, because the run"
                        + " ends after 2 epochs.",
                warning("'lookahead': 'airbench:2', 'freeze': 'stem:9-'"));
        assertNull(warning("'schedule': 'step', 'step_epochs': 1"));
        assertNull(warning("'schedule': 'step', 'step_at': '0.5'"));
        assertEquals(
                "\"step_epochs\" 2 has no effect, because the run ends after 2 epochs.",
                warning("'schedule': 'step', 'step_epochs': 2"));
    }

    @Test
    void warnsOfAFrozenRandomBody() {
        String frozen = "{'freeze': 'head:1-, body:1'}";
        assertEquals(
                "\"freeze\" body:1 freezes random weights, which is useful only for pretrained ones."
                        + " Set \"weights\" (on the command line --weights).",
                SettingChecks.freezesRandomWeights(QuadrantImages.recipe(frozen)));
        for (String without :
                List.of(
                        "{'freeze': 'stem, body:2-, layer1.body:1'}",
                        "{'freeze': 'body', 'weights': 'net.safetensors'}")) {
            assertNull(SettingChecks.freezesRandomWeights(QuadrantImages.recipe(without)), without);
        }
    }
}
