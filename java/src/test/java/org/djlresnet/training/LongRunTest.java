package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.recipe.Recipe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Tests that resources do not grow with epochs and checkpoints. */
@Tag("engine")
@Timeout(120)
@EnabledOnOs(OS.LINUX) // which tells both by /proc
class LongRunTest extends TrainerFixture {

    private static final int EPOCHS = 12;

    /**
     * The prefixes of threads that Java starts and ends by itself: compilers, garbage collectors,
     * process reapers.
     */
    private static final List<String> OF_JAVA =
            List.of(
                    "C1 CompilerThre",
                    "C2 CompilerThre",
                    "GC Thread#",
                    "G1 Conc#",
                    "G1 Refine#",
                    "process reaper");

    @Test
    void arraysDoNotAccumulate() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': 5, 'batch_size': 8, 'lr': 0.001, 'momentum': 0.9,"
                                + " 'patience': 4, 'checkpoint_every': '1'}");
        TrainingRun run =
                TrainingRun.prepare(
                        recipe,
                        QuadrantImages.of(24, 1),
                        QuadrantImages.of(8, 2),
                        dir.resolve("run"));
        NDManager manager = run.network().manager();
        List<Integer> arrays = new ArrayList<>();
        run.trainer().onEpoch(row -> arrays.add(manager.getManagedArrays().size()));
        finish(run);
        assertTrue(arrays.get(0) > run.network().parameters().size(), arrays.toString());
        assertEquals(Collections.nCopies(5, arrays.get(0)), arrays);
    }

    @Test
    void handlesAndThreadsDoNotAccumulate() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'epochs': "
                                + EPOCHS
                                + ", 'batch_size': 8, 'lr': 0.001, 'momentum': 0.9,"
                                + " 'checkpoint_every': '1', 'keep': 2}");
        List<List<String>> handles = new ArrayList<>();
        List<List<String>> threads = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            TrainingRun run =
                    TrainingRun.prepare(
                            recipe,
                            QuadrantImages.of(24, 1),
                            QuadrantImages.of(8, 2),
                            dir.resolve("run" + i));
            run.trainer()
                    .onEpoch(
                            row -> {
                                handles.add(handles());
                                threads.add(systemThreads());
                            });
            finish(run);
        }
        assertEquals(2 * EPOCHS, handles.size());
        // the first epoch loads classes and starts the engine's threads
        for (int i = 2; i < EPOCHS; i++) {
            assertEquals(handles.get(1), handles.get(i));
            assertEquals(threads.get(1), threads.get(i));
        }
        // a second run in the same process differs only in its folder
        for (int i = EPOCHS; i < 2 * EPOCHS; i++) {
            assertEquals(handles.get(1).size(), handles.get(i).size(), handles.get(i).toString());
            assertEquals(threads.get(1), threads.get(i));
        }
        assertTrue(handles.get(1).stream().anyMatch(file -> file.endsWith(RunLock.NAME)));
    }

    /** Returns the open files of this process. */
    private static List<String> handles() {
        List<String> open = new ArrayList<>();
        for (Path handle : list(Path.of("/proc/self/fd"))) {
            try {
                String file = Files.readSymbolicLink(handle).toString();
                // Java sometimes reads the limits of its container
                if (!file.startsWith("/sys/fs/cgroup/")) {
                    open.add(file);
                }
            } catch (NoSuchFileException closed) {
                // the handle of the listing itself
            } catch (IOException failure) {
                throw new UncheckedIOException(failure);
            }
        }
        return open.stream().sorted().toList();
    }

    /** Returns the threads of this process, both Java's and the engine's, without the loader's. */
    private static List<String> systemThreads() {
        List<String> names;
        do {
            names = new ArrayList<>();
            for (Path task : list(Path.of("/proc/self/task"))) {
                try {
                    names.add(Files.readString(task.resolve("comm")).strip());
                } catch (IOException ended) {
                    // ended since it was listed
                }
            }
            names.removeIf(name -> OF_JAVA.stream().anyMatch(name::startsWith));
            // a loader's thread is about to end
        } while (names.removeIf(name -> name.startsWith("djlresnet-loade")));
        return names.stream().sorted().toList();
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.toList();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
