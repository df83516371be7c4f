package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.djlresnet.QuadrantImages;
import org.djlresnet.data.Examples;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Resumes runs whose updates of the weights keep more than SGD's momentum. */
@Timeout(300)
class ResumeUpdatesTest extends ResumeFixture {

    private static String recipe(String settings) {
        return "{'model': 'cifar-resnet20', 'epochs': 3, 'batch_size': 8, 'lr': 0.01, 'schedule':"
                + " 'triangular', "
                + settings
                + "}";
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'optimizer': 'adamw', 'weight_decay': 0.01, 'ema_decay': 0.9, 'clip_norm': 1",
                "'optimizer': 'muon', 'momentum': 0.9, 'nesterov': true, 'lookahead': '2:0.5'",
                "'optimizer': 'lars', 'momentum': 0.9, 'weight_decay': 0.01, 'swa_epochs': 2",
                "'momentum': 0.9, 'lookahead': 'airbench:1', 'ema_decay': 0.5, 'accumulate': 2",
                "'momentum': 0.9, 'freeze': 'body:1, stem:2, layer3.1.bn1:1-', 'swa_epochs': 2",
            })
    void stopsAfterEveryUpdateGiveTheSameBytes(String settings) throws IOException {
        Path whole = whole(recipe(settings));
        Path parts = dir.resolve("parts");
        TrainingRun run = prepare(recipe(settings), parts);
        for (boolean done = false; !done; ) {
            Trainer trainer = run.trainer();
            stopAfter(1, trainer);
            finish(run);
            done = trainer.progress().state() == Progress.State.DONE;
            if (!done) {
                run = resume(parts, "{}");
            }
        }
        assertSameResult(whole, parts);
    }

    @Test
    void resumesWithinAnAccumulation() throws IOException {
        String recipe = recipe("'momentum': 0.9, 'accumulate': 3, 'checkpoint_every': '1'");
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        TrainingRun run = prepare(recipe, parts);
        AtomicInteger updates = new AtomicInteger();
        // updates end with the steps 3, 5 and 8; the checkpoint of step 7 is the last
        run.trainer()
                .onGradients(
                        gradients -> {
                            if (updates.incrementAndGet() == 3) {
                                throw new IllegalStateException("a crash");
                            }
                        });
        assertThrows(IllegalStateException.class, () -> run.trainer().run());
        run.network().close();
        Path last = parts.resolve("last.safetensors");
        assertEquals(7, state(last).get("step").getAsLong());
        assertTrue(tensors(last).containsKey("optimizer/accumulated/fc.bias"));
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    /** The third epoch evaluates 8 test examples with the weights, then with their average. */
    @ParameterizedTest
    @ValueSource(ints = {17, 25})
    void resumesAfterAStopDuringAnEvaluation(int read) throws IOException {
        String recipe = recipe("'momentum': 0.9, 'lookahead': '2:0.5', 'swa_epochs': 2");
        Path whole = whole(recipe);
        Path parts = dir.resolve("parts");
        AtomicInteger reads = new AtomicInteger();
        AtomicReference<Trainer> trainer = new AtomicReference<>();
        Examples watched =
                new ObservedExamples(
                        test,
                        () -> {
                            if (reads.incrementAndGet() == read) {
                                trainer.get().stop();
                            }
                        });
        TrainingRun run = TrainingRun.prepare(QuadrantImages.recipe(recipe), train, watched, parts);
        trainer.set(run.trainer());
        reads.set(0);
        finish(run);
        assertEquals(Progress.State.STOPPED, run.trainer().progress().state());
        JsonObject state = state(parts.resolve("last.safetensors"));
        assertEquals(2, state.get("epoch").getAsInt());
        assertEquals(36, state.getAsJsonObject("partial").get("examples").getAsInt());
        finish(resume(parts, "{}"));
        assertSameResult(whole, parts);
    }

    @Test
    void rejectsOtherEpochsWhereTheyMatterFromTheFirstStep() {
        Path folder = stoppedAfter(1, recipe("'swa_epochs': 1").replace("triangular", "constant"));
        String message = rejection(folder, "{'epochs': 5}");
        assertTrue(message.contains("\"swa_epochs\""), message);
        Recipe drops =
                Recipe.fromJson("{\"schedule\": \"step\", \"step_at\": \"0.5\", \"epochs\": 4}");
        assertTrue(
                assertThrows(SettingException.class, () -> drops.resumedWith(Map.of("epochs", 8)))
                        .getMessage()
                        .contains("\"step_at\""));
    }
}
