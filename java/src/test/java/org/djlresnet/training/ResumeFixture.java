package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.ImageDataset;

/** A small run with momentum and a schedule, and helpers for tests of resuming. */
abstract class ResumeFixture extends TrainerFixture {

    /** Five steps per epoch, the last with a short batch. */
    static final String RECIPE =
            "{'model': 'cifar-resnet20', 'epochs': 3, 'batch_size': 8, 'momentum': 0.9,"
                    + " 'nesterov': true, 'lr': 0.01, 'weight_decay': 0.0005, 'schedule': 'cosine'}";

    final ImageDataset train = QuadrantImages.of(36, 1);
    final ImageDataset test = QuadrantImages.of(8, 2);

    TrainingRun prepare(String recipe, Path folder) {
        return TrainingRun.prepare(QuadrantImages.recipe(recipe), train, test, folder);
    }

    Path whole(String recipe) {
        Path folder = dir.resolve("whole");
        finish(prepare(recipe, folder));
        return folder;
    }

    TrainingRun resume(Path from, String changes) {
        JsonObject json = JsonParser.parseString(changes.replace('\'', '"')).getAsJsonObject();
        return TrainingRun.resume(from, json.asMap(), train, test);
    }

    String rejection(Path from, String changes) {
        return assertThrows(UserException.class, () -> resume(from, changes)).getMessage();
    }

    /** Leaves the folder like a run killed before its first step. */
    static void abandon(TrainingRun run) {
        run.folder().close();
        run.network().close();
    }

    /** Stops a run at the end of an epoch. */
    Path stoppedAfter(int epochs, String recipe) {
        Path folder = dir.resolve("parts");
        TrainingRun run = prepare(recipe, folder);
        run.trainer()
                .onEpoch(
                        row -> {
                            if (row.epoch() == epochs) {
                                run.trainer().stop();
                            }
                        });
        finish(run);
        return folder;
    }
}
