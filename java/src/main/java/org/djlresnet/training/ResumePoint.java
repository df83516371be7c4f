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
 * Where a run goes on.
 *
 * @param file the checkpoint's file, or null for the beginning
 * @param checkpoint the checkpoint, open, or null for the beginning
 * @param state where the run stands, with the settings of recipe.json where they may change
 * @param written what recipe.json says, or null if it cannot be read
 * @param warning what was wrong with a later checkpoint or recipe.json, or null
 */
record ResumePoint(
        Path file, Checkpoint checkpoint, TrainingState state, Recipe written, String warning)
        implements AutoCloseable {

    /**
     * Makes sure, before anything is written, that there is a run to go on with: a folder or file
     * without recipe.json beside it must be a checkpoint, which holds the recipe too.
     *
     * @param from a run folder, or a checkpoint
     * @param place the folder
     * @throws UserException if there is none
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
                        + " is no run folder, and no checkpoint in one: there is no recipe.json."
                        + " Give the run folder of a training");
    }

    /**
     * Finds the place.
     *
     * @param folder the run's folder, locked
     * @param from the folder, or the checkpoint in it to go on from
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
        Path previous = folder.previous();
        if (!Files.exists(last) && !Files.exists(previous)) {
            return withoutLast(folder);
        }
        try {
            return open(folder, last, null);
        } catch (UserException damaged) {
            if (!Files.exists(previous)) {
                throw damaged;
            }
            String warning = damaged.getMessage() + ". Going on from " + previous + " instead";
            try {
                return open(folder, previous, warning);
            } catch (UserException alsoDamaged) {
                throw new UserException(
                        "Neither checkpoint of the run can be read. "
                                + damaged.getMessage()
                                + ". "
                                + alsoDamaged.getMessage()
                                + ". The best one may be whole: "
                                + folder.best(),
                        damaged);
            }
        }
    }

    /** Going on from an earlier checkpoint would cut off what came after it. */
    private static void requireNothingLater(RunFolder folder, ResumePoint point) {
        for (Path file : List.of(folder.last(), folder.previous())) {
            long step;
            try (Checkpoint checkpoint = Checkpoint.open(file)) {
                step = state(checkpoint, file).step();
            } catch (UserException unreadable) {
                // such a one is what an earlier checkpoint is good for
                continue;
            }
            if (step > point.state().step()) {
                throw new UserException(
                        String.format(
                                "%s stands at step %d, but the run has come to step %d (%s); going on"
                                        + " from there would lose what came after. Give the run folder"
                                        + " %s to go on from its end, or copy the checkpoint into a"
                                        + " folder of its own and go on from it there",
                                point.file(), point.state().step(), step, file, folder.path()));
            }
        }
    }

    /** A run that ended before its first {@code last}, or lost it. */
    private static ResumePoint withoutLast(RunFolder folder) throws IOException {
        List<String> traces = folder.traces();
        if (traces.isEmpty()) {
            Recipe recipe = folder.recipe();
            return new ResumePoint(null, null, TrainingState.beginning(recipe), recipe, null);
        }
        if (traces.equals(List.of(folder.best().getFileName().toString()))) {
            // a kill between the first epoch's best and its last, which are the same
            ResumePoint point = open(folder, folder.best(), null);
            if (point.state().epochsDone() == 1) {
                return point;
            }
            point.close();
        }
        throw new UserException(
                "The run in "
                        + folder.path()
                        + " has lost its last checkpoint: last.safetensors and"
                        + " last.previous.safetensors are missing, but there is "
                        + String.join(", ", traces)
                        + ". Going on would begin anew and overwrite that. Put last.safetensors"
                        + " back, name another checkpoint of the folder to go on from, or start a"
                        + " new run in another folder");
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
                String told =
                        RunFolder.recipeFile(folder.path())
                                + " cannot be read: "
                                + reason(unreadable)
                                + ". Going on with the recipe of "
                                + file;
                return new ResumePoint(
                        file,
                        checkpoint,
                        state,
                        null,
                        warning == null ? told : warning + ". " + told);
            }
            // what an earlier change asked for holds, even if no checkpoint was written since
            state = state.with(state.recipe().resumedWith(written.resumable()));
            return new ResumePoint(file, checkpoint, state, written, warning);
        } catch (IOException | RuntimeException failure) {
            checkpoint.close();
            throw failure;
        }
    }

    /**
     * Refuses a recipe.json that was changed since, where it asks for another run.
     *
     * @throws UserException naming the settings
     */
    void requireRecipeOf(RunFolder folder) {
        if (written == null) { // which the warning tells
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
                            + " Change it back, or remove it: the checkpoint has the recipe as well",
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
                    file + " holds a network, but no run that could go on. Give a run folder");
        }
        try {
            return TrainingState.fromJson(JsonParser.parseString(run).getAsJsonObject());
        } catch (UserException wrong) {
            throw wrong;
        } catch (RuntimeException malformed) {
            throw new UserException(
                    file + " holds a run's state that cannot be read: " + malformed, malformed);
        }
    }

    @Override
    public void close() {
        if (checkpoint != null) {
            checkpoint.close();
        }
    }
}
