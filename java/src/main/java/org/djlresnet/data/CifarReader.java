package org.djlresnet.data;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.image.ImageShape;
import org.djlresnet.image.PixelType;

/** Reads the binary versions of CIFAR-10 and CIFAR-100. */
final class CifarReader implements DatasetReader {

    private static final ImageShape SHAPE =
            new ImageShape(CifarFile.CHANNELS, CifarFile.SIDE, CifarFile.SIDE);

    /** The names of coarse_label_names.txt. */
    private static final List<String> COARSE =
            words(
                    "aquatic_mammals fish flowers food_containers fruit_and_vegetables "
                            + "household_electrical_devices household_furniture insects "
                            + "large_carnivores large_man-made_outdoor_things "
                            + "large_natural_outdoor_scenes large_omnivores_and_herbivores "
                            + "medium_mammals non-insect_invertebrates people reptiles small_mammals "
                            + "trees vehicles_1 vehicles_2");

    /** The names of fine_label_names.txt. */
    private static final List<String> FINE =
            words(
                    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle "
                            + "bowl boy bridge bus butterfly camel can castle caterpillar cattle "
                            + "chair chimpanzee clock cloud cockroach couch crab crocodile cup "
                            + "dinosaur dolphin elephant flatfish forest fox girl hamster house "
                            + "kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man "
                            + "maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid "
                            + "otter palm_tree pear pickup_truck pine_tree plain plate poppy "
                            + "porcupine possum rabbit raccoon ray road rocket rose sea seal shark "
                            + "shrew skunk skyscraper snail snake spider squirrel streetcar sunflower "
                            + "sweet_pepper table tank telephone television tiger tractor train trout "
                            + "tulip turtle wardrobe whale willow_tree wolf woman worm");

    private final DatasetDescriptor known;

    /** The folder in the published archive. */
    private final String folder;

    /** The name of the download. */
    private final String archive;

    private final List<String> train;
    private final List<String> test;
    private final int labelBytes;
    private final int labelAt;

    private CifarReader(
            DatasetDescriptor known,
            String archive,
            String folder,
            List<String> train,
            List<String> test,
            int labelBytes,
            int labelAt) {
        this.known = known;
        this.archive = archive;
        this.folder = folder;
        this.train = train;
        this.test = test;
        this.labelBytes = labelBytes;
        this.labelAt = labelAt;
    }

    private static List<String> words(String text) {
        return List.of(text.split(" "));
    }

    static CifarReader cifar10() {
        return new CifarReader(
                new DatasetDescriptor(
                        "cifar-10",
                        "CIFAR-10: small colour images of animals and vehicles, Krizhevsky, 2009",
                        SHAPE,
                        words("airplane automobile bird cat deer dog frog horse ship truck"),
                        50000,
                        10000,
                        Map.of()),
                "cifar-10",
                "cifar-10-batches-bin",
                IntStream.rangeClosed(1, 5).mapToObj(i -> "data_batch_" + i + ".bin").toList(),
                List.of("test_batch.bin"),
                1,
                0);
    }

    /** CIFAR-100 with its fine labels. */
    static CifarReader cifar100() {
        return cifar100("cifar-100", "CIFAR-100: small colour images, Krizhevsky, 2009", FINE, 1);
    }

    /** CIFAR-100 with its coarse labels. */
    static CifarReader cifar100Coarse() {
        return cifar100(
                "cifar-100-coarse", "CIFAR-100 with the labels of its superclasses", COARSE, 0);
    }

    private static CifarReader cifar100(
            String name, String description, List<String> classes, int labelAt) {
        return new CifarReader(
                new DatasetDescriptor(name, description, SHAPE, classes, 50000, 10000, Map.of()),
                "cifar-100",
                "cifar-100-binary",
                List.of("train.bin"),
                List.of("test.bin"),
                2,
                labelAt);
    }

    @Override
    public DatasetDescriptor descriptor() {
        return known;
    }

    @Override
    public Examples read(Path dir, boolean training) {
        List<String> names = training ? train : test;
        List<Path> files =
                DatasetFolder.find(
                        known.name(),
                        List.of(dir.resolve(folder), dir.resolve(archive), dir),
                        names.stream().map(List::of).toList(),
                        "Download them: python -m py_djl_resnet datasets --download "
                                + archive
                                + ". Or set");
        int records = (training ? known.train() : known.test()) / names.size();
        CifarFile content =
                CifarFile.read(
                        files,
                        records,
                        archive.toUpperCase(Locale.ROOT),
                        labelBytes,
                        labelAt,
                        known.classes().size());
        int[] labels = content.labels();
        return ImageDataset.of(
                content.pixels(),
                PixelType.UINT8,
                SHAPE.batch(labels.length),
                labels,
                known.classes());
    }
}
