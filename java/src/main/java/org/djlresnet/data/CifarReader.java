package org.djlresnet.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;

/** Reads CIFAR-10's binary version, files of 10,000 records each. */
final class CifarReader implements DatasetReader {

    private static final DatasetDescriptor CIFAR_10 =
            new DatasetDescriptor(
                    "cifar-10",
                    "CIFAR-10: small colour images of animals and vehicles, Krizhevsky, 2009",
                    new ImageShape(CifarFile.CHANNELS, CifarFile.SIDE, CifarFile.SIDE),
                    List.of(
                            "airplane",
                            "automobile",
                            "bird",
                            "cat",
                            "deer",
                            "dog",
                            "frog",
                            "horse",
                            "ship",
                            "truck"),
                    50000,
                    10000,
                    Map.of());

    private static final int RECORDS = 10_000;
    private static final List<String> TRAIN =
            IntStream.rangeClosed(1, 5).mapToObj(i -> "data_batch_" + i + ".bin").toList();
    private static final List<String> TEST = List.of("test_batch.bin");

    /** The folder in the published archive. */
    private static final String FOLDER = "cifar-10-batches-bin";

    @Override
    public DatasetDescriptor descriptor() {
        return CIFAR_10;
    }

    @Override
    public Examples read(Path dir, boolean train) {
        List<Path> files =
                DatasetFolder.find(
                        CIFAR_10.name(),
                        List.of(dir.resolve(FOLDER), dir.resolve(CIFAR_10.name()), dir),
                        (train ? TRAIN : TEST).stream().map(List::of).toList(),
                        "Download them: python -m py_djl_resnet datasets --download cifar-10. Or set");
        CifarFile content = CifarFile.read(files, RECORDS);
        int[] labels = content.labels();
        return ImageDataset.of(
                content.pixels(),
                PixelType.UINT8,
                CIFAR_10.shape().batch(labels.length),
                labels,
                CIFAR_10.classes());
    }
}
