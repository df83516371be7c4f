package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.model.Network;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(300)
class ProfileTest extends TrainerFixture {

    private static final List<String> D2L =
            List.of(
                    "conv1",
                    "bn1",
                    "layer1.0",
                    "layer1.1",
                    "layer2.0",
                    "layer2.1",
                    "layer3.0",
                    "layer3.1",
                    "layer4.0",
                    "layer4.1",
                    "fc");

    private static boolean onPyTorch() {
        return Engine.getInstance().getEngineName().equals("PyTorch");
    }

    private static Recipe profiled(Recipe recipe) {
        return recipe.with("profile", new JsonPrimitive(true));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "d2l-resnet18",
                "resnet18+deep_stem",
                "preact-resnet18",
                "cifar-resnet20",
                "plain20"
            })
    void profilingChangesNoResult(String model) {
        double depth = model.contains("plain") ? 0 : 0.5;
        Recipe plain =
                QuadrantImages.recipe(
                                "{'epochs': 2, 'batch_size': 16, 'lr': 0.01, 'momentum': 0.9}")
                        .with("model", new JsonPrimitive(model))
                        .with("stochastic_depth", new JsonPrimitive(depth));
        Recipe profiled = profiled(plain);
        try (Network one = network(plain);
                Network other = network(profiled)) {
            Trainer without = trainer(plain, one, 40, 8, null);
            Trainer with = trainer(profiled, other, 40, 8, null);
            without.run();
            with.run();

            assertNull(without.profile());
            // two epochs of three steps, without the first step
            assertEquals(5, with.profile().steps());
            assertSameBytes(parameters(one), parameters(other));
            for (int i = 0; i < 2; i++) {
                EpochRow expected = without.progress().rows().get(i);
                EpochRow row = with.progress().rows().get(i);
                assertEquals(expected.metric("train_loss"), row.metric("train_loss"));
                assertEquals(expected.metric("test_loss"), row.metric("test_loss"));
                assertEquals(expected.metric("train_accuracy"), row.metric("train_accuracy"));
            }
        }
    }

    @Test
    void listsAllPartsAndTasks() throws IOException {
        Recipe recipe = profiled(QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8}"));
        RunFolder folder = folder("run", recipe);
        try (Network network = network(recipe)) {
            Trainer trainer = trainer(recipe, network, 40, 8, folder);
            assertEquals(List.of(), trainer.profile().rows());
            trainer.run();
            List<Profile.Row> rows = trainer.profile().rows();
            List<String> names = new ArrayList<>(List.of("data"));
            names.addAll(D2L);
            names.addAll(List.of("loss", "optimizer", "bookkeeping"));
            assertEquals(names, rows.stream().map(Profile.Row::name).toList());
            double total = 0;
            for (Profile.Row row : rows) {
                boolean twoPasses = D2L.contains(row.name()) || row.name().equals("loss");
                assertEquals(twoPasses, row.forward() != null, row.name());
                if (twoPasses) {
                    // autograd computes the loss's gradient in the same lap
                    boolean both = row.backward() > 0 || row.name().equals("loss");
                    assertTrue(row.forward() > 0 && both, row.toString());
                    assertEquals(row.forward() + row.backward(), row.total(), 1e-9);
                }
                total += row.total();
            }
            // four of the epoch's five steps are counted
            assertEquals(4, trainer.profile().steps());
            assertTrue(total * 4 <= trainer.progress().rows().get(0).seconds() * 1000);

            List<String> csv = Files.readAllLines(folder.path().resolve("profile.csv"));
            assertEquals(Profile.CSV_HEADER, csv.get(0));
            assertEquals(
                    names, csv.stream().skip(1).map(l -> l.substring(0, l.indexOf(','))).toList());
        }
    }

    @Test
    @Tag("engine")
    void rejectsAnAsynchronousEngine() {
        Recipe recipe = profiled(QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8}"));
        try (Network network = network(recipe)) {
            if (onPyTorch()) {
                assertNotNull(trainer(recipe, network, 40, 8, null).profile());
                return;
            }
            String message =
                    assertThrows(UserException.class, () -> trainer(recipe, network, 40, 8, null))
                            .getMessage();
            assertTrue(message.startsWith("\"profile\" needs \"engine\" pytorch"), message);
        }
    }
}
