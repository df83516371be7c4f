package org.djlresnet.training;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.recipe.Recipe;

/**
 * The state from which a run is resumed.
 *
 * @param file the checkpoint's file, or null for the beginning
 * @param checkpoint the open checkpoint, or null for the beginning
 * @param state the state of the run; resumable settings come from recipe.json
 * @param written the recipe in recipe.json, or null if it cannot be read
 * @param warning what was wrong with a later checkpoint or recipe.json, or null
 */
record ResumePoint(
        Path file, Checkpoint checkpoint, TrainingState state, Recipe written, String warning)
        implements AutoCloseable {

    /**
     * Checks, before anything is written, that there is a run to resume. Without recipe.json there
     * must be a checkpoint, which also contains the recipe.
     *
     * @param from a run folder, or a checkpoint
     * @param place the folder
     * @throws UserException if there is no run
     */
    static void requireRun(Path from, Path place) {
        if (Files.isRegularFile(RunFolder.recipeFile(place))) {
            return;
        }
        if (Files.isDirectory(from)) {
            CheckpointFiles files = new CheckpointFiles(place);
            if (Files.exists(files.last()) || Files.exists(files.previous())) {
                return;
            }
        } else if (Files.isRegularFile(from)) {
            try (Checkpoint checkpoint = Checkpoint.open(from)) {
                state(checkpoint, from);
            }
            return;
        }
        throw new UserException(
                from
                        + " is not a run folder or a checkpoint in one: there is no recipe.json."
                        + " Give the folder of a training run.");
    }

    /**
     * Finds the state.
     *
     * @param folder the run's folder, locked
     * @param from the folder, or a checkpoint in it
     * @throws UserException if there is none, or it cannot be read
     */
    static ResumePoint find(RunFolder folder, Path from) throws IOException {
        if (!Files.isDirectory(from)) {
            ResumePoint point = open(folder, from, null);
            try {
                requireNothingLater(folder, point);
                return point;
            } catch (RuntimeException refusal) {
                point.close();
                throw refusal;
            }
        }
        Path last = folder.last();
        Path previous = folder.checkpoints().previous();
        if (!Files.exists(last) && !Files.exists(previous)) {
            return withoutLast(folder);
        }
        try {
            return open(folder, last, null);
        } catch (UserException damaged) {
            if (!Files.exists(previous)) {
                throw damaged;
            }
            String warning = damaged.getMessage() + " Resuming from " + previous + " instead.";
            try {
                return open(folder, previous, warning);
            } catch (UserException alsoDamaged) {
                throw UserException.of(
                        "Neither checkpoint of the run can be read. %s %s%s",
                        damaged.getMessage(),
                        alsoDamaged.getMessage(),
                        Files.exists(folder.best())
                                ? " The best checkpoint may be intact: " + folder.best()
                                : "");
            }
        }
    }

    /** Rejects an earlier checkpoint, because resuming would discard later steps. */
    private static void requireNothingLater(RunFolder folder, ResumePoint point) {
        for (Path file : List.of(folder.last(), folder.checkpoints().previous())) {
            long step;
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                step = state(checkpoint, file).step();
            } catch (UserException unreadable) {
                // an earlier checkpoint may replace a damaged one
                continue;
            }
            if (step > point.state().step()) {
                throw UserException.of(
                        "%s is at step %s, but the run has reached step %s (%s). Resuming"
                                + " from there would lose the later steps. Resume from the run"
                                + " folder %s, or copy the checkpoint to a separate folder and resume from the copy.",
                        point.file(), point.state().step(), step, file, folder.path());
            }
        }
    }

    /** Finds the state of a run that has no {@code last} checkpoint. */
    private static ResumePoint withoutLast(RunFolder folder) throws IOException {
        List<String> traces = folder.traces();
        if (traces.isEmpty()) {
            Recipe recipe = folder.recipe();
            return new ResumePoint(null, null, TrainingState.beginning(recipe), recipe, null);
        }
        if (traces.equals(List.of(folder.best().getFileName().toString()))) {
            // killed between writing the first best and the first last, which are equal
            ResumePoint point = open(folder, folder.best(), null);
            if (point.state().epochsDone() == 1) {
                return point;
            }
            point.close();
        }
        throw UserException.of(
                "The run in %s is missing its last checkpoint: there is no "
                        + "last.safetensors or last.previous.safetensors, but the folder has %s. "
                        + "Starting again would overwrite them. Put last.safetensors back, resume "
                        + "from another checkpoint of the folder, or start a new run in another "
                        + "folder.",
                folder.path(), String.join(", ", traces));
    }

    private static ResumePoint open(RunFolder folder, Path file, String warning)
            throws IOException {
        Checkpoint checkpoint = Checkpoint.open(file);
        try {
            TrainingState state = state(checkpoint, file);
            Recipe written;
            try {
                written = folder.recipe();
            } catch (NoSuchFileException | CharacterCodingException | UserException unreadable) {
                String another =
                        "%s cannot be read: %s. Resuming with the recipe of %s."
                                .formatted(
                                        RunFolder.recipeFile(folder.path()),
                                        reason(unreadable),
                                        file);
                return new ResumePoint(
                        file,
                        checkpoint,
                        state,
                        null,
                        warning == null ? another : warning + " " + another);
            }
            // changes made by an earlier resumption apply even if it wrote no checkpoint
            state = state.with(state.recipe().resumedWith(written.resumable()));
            return new ResumePoint(file, checkpoint, state, written, warning);
        } catch (IOException | RuntimeException failure) {
            checkpoint.close();
            throw failure;
        }
    }

    /**
     * Rejects a recipe.json with changes to settings that must not change.
     *
     * @throws UserException if there are any; the message names the settings
     */
    void requireRecipeOf(RunFolder folder) {
        if (written == null) { // already in the warning
            return;
        }
        try {
            state.recipe().resumedWith(written.toMap());
        } catch (UserException another) {
            Path file = RunFolder.recipeFile(folder.path());
            throw new UserException(
                    file
                            + " was changed. "
                            + another.getMessage()
                            + " Undo the change, or remove the file: the checkpoint also contains the recipe.",
                    another);
        }
    }

    private static String reason(Exception unreadable) {
        if (unreadable instanceof UserException wrong) {
            return wrong.getMessage().replaceFirst("\\.$", "");
        }
        return unreadable instanceof NoSuchFileException ? "it is missing" : "it is not UTF-8";
    }

    private static TrainingState state(Checkpoint checkpoint, Path file) {
        String run = checkpoint.run();
        if (run == null) {
            throw new UserException(
                    file + " contains a network, but no run to resume. Give a run folder.");
        }
        try {
            return TrainingState.fromJson(JsonParser.parseString(run).getAsJsonObject());
        } catch (UserException wrong) {
            throw wrong;
        } catch (RuntimeException malformed) {
            throw new UserException(
                    file + " contains an invalid run state: " + malformed + ".", malformed);
        }
    }

    @Override
    public void close() {
        if (checkpoint != null) {
            checkpoint.close();
        }
    }
}
