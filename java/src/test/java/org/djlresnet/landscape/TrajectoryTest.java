package org.djlresnet.landscape;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.engine.EngineTraits;
import org.djlresnet.model.Classes;
import org.djlresnet.model.Network;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrajectoryTest {

    private static final String RUN = "{\"epoch\":1,\"step\":10}";

    @TempDir private Path folder;
    private final List<Path> files = new ArrayList<>();
    private Network network;

    @BeforeEach
    void create() {
        network = network("cifar-resnet20");
        EngineTraits.of(network.manager().getEngine()).disableRecording();
    }

    private static Network network(String model) {
        return Network.create(model, 1, Classes.numbered(2).names(), 0, Device.cpu());
    }

    @AfterEach
    void close() {
        network.close();
    }

    /** Saves a checkpoint whose tensors differ from the network's in their first numbers. */
    private void save(Map<String, Double> added) throws IOException {
        Path file = folder.resolve("epoch-" + files.size() + ".safetensors");
        added.forEach((name, value) -> add(name, value));
        Checkpoint.save(file, network, RUN, Map.of());
        added.forEach((name, value) -> add(name, -value));
        files.add(file);
    }

    private void add(String name, double value) {
        NDArray array = network.stateDict().get(name);
        try (NDManager scope = network.manager().newSubManager()) {
            float[] values = array.toFloatArray();
            values[0] += (float) value;
            NDArray changed = scope.create(values, array.getShape());
            EngineTraits.of(scope.getEngine()).assign(array, changed);
        }
    }

    @Test
    void planeOfOrthogonalSteps() throws IOException {
        save(Map.of("fc.bias", 3.0));
        save(Map.of("bn1.bias", 4.0));
        save(Map.of());
        Trajectory trajectory = new Trajectory(files, true, network);
        assertArrayEquals(new double[] {16 / 25.0, 9 / 25.0}, trajectory.explained(), 1e-6);
        double[][] places = trajectory.coordinates();
        assertArrayEquals(new double[] {0, 3}, places[0], 1e-6);
        assertArrayEquals(new double[] {4, 0}, places[1], 1e-6);
        assertArrayEquals(new double[] {0, 0}, places[2]);
        double[][] ranges = trajectory.ranges(0.25);
        assertArrayEquals(new double[] {-1, 5}, ranges[0], 1e-5);
        assertArrayEquals(new double[] {-0.75, 3.75}, ranges[1], 1e-5);
        try (NDManager manager = network.manager().newSubManager()) {
            List<Map<String, NDArray>> directions = trajectory.plane(manager).directions();
            assertEquals(1, directions.get(0).get("bn1.bias").getFloat(0), 1e-6);
            assertEquals(0, directions.get(0).get("fc.bias").getFloat(0), 1e-6);
            assertEquals(1, directions.get(1).get("fc.bias").getFloat(0), 1e-6);
        }
    }

    @Test
    void collinearCheckpointsLieOnALine() throws IOException {
        for (double t : new double[] {1, 0.6, 0.3, 0}) {
            save(Map.of("fc.bias", 3 * t, "bn1.bias", 4 * t, "bn1.running_mean", 10 * t));
        }
        Trajectory trajectory = new Trajectory(files, true, network);
        assertArrayEquals(new double[] {1, 0}, trajectory.explained(), 1e-9);
        double[] along = {5, 3, 1.5, 0};
        for (int i = 0; i < along.length; i++) {
            assertArrayEquals(new double[] {along[i], 0}, trajectory.coordinates()[i], 1e-5);
        }
        assertTrue(trajectory.ranges(0.2)[1][1] > 1);
        try (NDManager manager = network.manager().newSubManager()) {
            Trajectory.Plane plane = trajectory.plane(manager);
            // the statistics are no part of the distances, and move by the same combination
            NDArray mean = plane.directions().get(0).get("bn1.running_mean");
            assertEquals(2, mean.getFloat(0), 1e-5);
            assertEquals(0, mean.get(new NDIndex("1:")).abs().max().getFloat());
            assertEquals(0, plane.range().least().get("bn1.running_mean").getFloat(0), 1e-5);
            assertEquals(10, plane.range().most().get("bn1.running_mean").getFloat(0), 1e-5);
            NDArray outside = manager.create(new float[16]).add(11);
            NDArray clipped = plane.range().clip("bn1.running_mean", outside);
            assertEquals(10, clipped.getFloat(0), 1e-5);
            assertEquals(0, clipped.getFloat(1), 1e-5);
        }
    }

    @Test
    void checkpointsOfAnotherNetworkAreRejected() throws IOException {
        save(Map.of("fc.bias", 1.0));
        save(Map.of());
        try (Network other = network("cifar-resnet32")) {
            UserException rejected =
                    assertThrows(UserException.class, () -> new Trajectory(files, true, other));
            assertTrue(rejected.getMessage().contains("Received: cifar-resnet20"));
        }
    }

    @Test
    void equalCheckpointsHaveNoPath() throws IOException {
        save(Map.of());
        save(Map.of());
        UserException rejected =
                assertThrows(UserException.class, () -> new Trajectory(files, true, network));
        assertTrue(rejected.getMessage().contains("no path"));
    }
}
