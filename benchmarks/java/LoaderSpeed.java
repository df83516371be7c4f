import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.djlresnet.augment.Augmentations;
import org.djlresnet.data.Batch;
import org.djlresnet.data.BatchLoader;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;
import org.djlresnet.image.Preprocessing;

/**
 * Measures the processor time of the loader for an image: reading, augmenting, preparing.
 *
 * <p>Arguments: channels, height and width, batch size, then lists of augmentations. Prints a line
 * for each list: the mean over passes, in nanoseconds.
 */
public final class LoaderSpeed {

    private static final int EXAMPLES = 10000;
    private static final int WARM_UP = 3;
    private static final int PASSES = 10;
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private LoaderSpeed() {}

    public static void main(String[] args) {
        int channels = Integer.parseInt(args[0]);
        int size = Integer.parseInt(args[1]);
        int batchSize = Integer.parseInt(args[2]);
        ImageShape shape = new ImageShape(channels, size, size);
        byte[] bytes = new byte[(int) (EXAMPLES * shape.values())];
        new Random(0).nextBytes(bytes);
        ByteBuffer pixels = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        ImageDataset data =
                ImageDataset.of(
                        pixels,
                        PixelType.UINT8,
                        shape.batch(EXAMPLES),
                        new int[EXAMPLES],
                        List.of("any"));
        Preprocessing preprocessing = Preprocessing.exact(shape);
        for (String list : Arrays.asList(args).subList(3, args.length)) {
            Augmentations augmentations = Augmentations.of(Augmentations.split(list));
            try (BatchLoader loader =
                    new BatchLoader(
                            data,
                            preprocessing,
                            batchSize,
                            augmentations.augmenter(0, preprocessing, shape))) {
                for (int pass = 0; pass < WARM_UP; pass++) {
                    run(loader, pass);
                }
                long begin = PROCESS.getProcessCpuTime();
                for (int pass = 0; pass < PASSES; pass++) {
                    run(loader, pass);
                }
                double nanos = PROCESS.getProcessCpuTime() - begin;
                System.out.printf(Locale.ROOT, "%s %.0f%n", list, nanos / PASSES / EXAMPLES);
            }
        }
    }

    /** Runs a pass; this thread only waits. */
    private static void run(BatchLoader loader, int epoch) {
        loader.restart(null, epoch);
        for (Batch next = loader.next(); next != null; next = loader.next()) {
            next.close();
        }
    }
}
