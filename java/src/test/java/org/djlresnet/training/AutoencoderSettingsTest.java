package org.djlresnet.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.djlresnet.QuadrantImages;
import org.djlresnet.UserException;
import org.djlresnet.data.ImageDataset;
import org.djlresnet.image.PixelType;
import org.djlresnet.recipe.Recipe;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests that settings that make no sense are rejected before anything is written. */
class AutoencoderSettingsTest extends TrainerFixture {

    private final ImageDataset images = QuadrantImages.of(40, 1);

    private String rejection(String settings) {
        Path folder = dir.resolve("run");
        Recipe recipe = QuadrantImages.recipe("{'epochs': 1, 'batch_size': 8, " + settings + "}");
        UserException rejection =
                assertThrows(
                        UserException.class,
                        () -> TrainingRun.prepare(recipe, images, images, folder));
        assertFalse(Files.exists(folder), settings);
        return rejection.getMessage();
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = ';',
            value = {
                "'objective': 'gaussian'; \"objective\" gaussian",
                "'latent_dim': 5; \"latent_dim\"",
                "'beta': 2; \"beta\"",
                "'beta_warmup_epochs': 1; \"beta_warmup_epochs\"",
                "'free_bits': 0.1; \"free_bits\"",
                "'conditional': true; \"conditional\"",
                "'sigma': 'learned'; \"sigma\"",
            })
    void classifierRejectsSettingsOfAutoencoders(String setting, String named) {
        assertEquals(
                named
                        + " needs an autoencoder such as vae-small. Received: cifar-resnet20. Omit "
                        + named.split(" ")[0]
                        + ", or change \"model\".",
                rejection("'model': 'cifar-resnet20', " + setting));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = ';',
            value = {
                "'objective': 'classification'; \"objective\" classification",
                "'label_smoothing': 0.1; \"label_smoothing\"",
                "'class_weights': 'balanced'; \"class_weights\"",
                "'focal_gamma': 2; \"focal_gamma\"",
                "'normalize': true; \"normalize\"",
            })
    void autoencoderRejectsSettingsOfClassifiers(String setting, String named) {
        assertEquals(
                named
                        + " needs a classifier. Received: vae-small. Omit "
                        + named.split(" ")[0]
                        + ", or change \"model\".",
                rejection("'model': 'vae-small', 'lr': 0.001, " + setting));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = ';',
            value = {
                "'augment': ['mixup:1']; may not mix images for an autoencoder. Received: mixup:1.",
                "'augment': ['cutmix:1']; may not mix images for an autoencoder. Received: cutmix:1.",
                "'image_size': 18; multiples of 4. Received: 18×18.",
                "'objective': 'discretized-logistic', 'image_size': 16; needs images of bytes",
                "'objective': 'bernoulli', 'sigma': 'learned'; \"sigma\" needs \"objective\" gaussian",
                "'beta': 0, 'free_bits': 1; \"free_bits\" needs \"beta\" above 0. Received: 0.",
            })
    void autoencoderRejectsWhatItCannotDo(String setting, String part) {
        String message = rejection("'model': 'vae-small', 'lr': 0.001, " + setting);
        assertTrue(message.contains(part), message);
    }

    @Test
    void objectiveComesBeforeTheRate() {
        assertEquals(
                "\"objective\" classification needs a classifier. Received: vae-small. Omit"
                        + " \"objective\", or change \"model\".",
                rejection(
                        "'model': 'vae-small', 'objective': 'classification', 'normalize': true"));
    }

    @Test
    void tooFewImagesNameTheTenthThatIsHeldOut() {
        Recipe recipe =
                QuadrantImages.recipe("{'model': 'vae-small', 'batch_size': 8, 'lr': 0.001}");
        ImageDataset few = QuadrantImages.of(8, 1);
        String message =
                assertThrows(
                                UserException.class,
                                () -> TrainingRun.prepare(recipe, few, few, dir.resolve("run")))
                        .getMessage();
        assertTrue(message.startsWith("An autoencoder holds out a tenth of the training"), message);
        assertTrue(message.contains("Received: 0 of 8 training examples held out."), message);
        // the advice works
        TrainingRun.prepare(recipe.with("validation", 0.5), few, few, null).network().close();
    }

    @Test
    void autoencoderRejectsTheUsualRate() {
        String message = rejection("'model': 'vae-small'");
        assertTrue(message.contains("Set \"optimizer\" adam and \"lr\" 0.001"), message);
        Recipe recipe = QuadrantImages.recipe("{'model': 'vae-small', 'batch_size': 8}");
        assertThrows(
                SettingException.class, () -> TrainingRun.prepare(recipe, images, images, null));
    }

    @Test
    void sweepTriesRatesOfItsOwnWithTheWholeLoss() {
        Recipe recipe =
                QuadrantImages.recipe(
                        "{'model': 'vae-small', 'batch_size': 8, 'beta_warmup_epochs': 5}");
        TrainingRun sweep = TrainingRun.rehearse(recipe, images, null, images);
        sweep.network().close();
        assertEquals(0, sweep.recipe().betaWarmupEpochs());
    }

    @Test
    void floatImagesMustBeInUnitRange() {
        assertEquals(
                "An autoencoder needs values from 0 to 1. Received: -0.5 in image 1. Pass 0 to 255 as"
                        + " uint8, or scale the images.",
                rejected("gaussian", 0.25f, -0.5f));
        assertEquals(
                "\"objective\" discretized-logistic needs images of bytes, and these are float32. Pass"
                        + " 0 to 255 as uint8.",
                rejected("discretized-logistic", 0.25f, 1));
    }

    private static String rejected(String objective, float... values) {
        ByteBuffer pixels = ByteBuffer.allocateDirect(40 * 4 * 28 * 28);
        pixels.order(ByteOrder.nativeOrder());
        for (int image = 0; image < 40; image++) {
            for (int i = 0; i < 28 * 28; i++) {
                pixels.putFloat(values[image % values.length]);
            }
        }
        ImageDataset data =
                ImageDataset.of(
                        pixels.flip(),
                        PixelType.FLOAT32,
                        new long[] {40, 1, 28, 28},
                        IntStream.range(0, 40).map(i -> i % 2).toArray(),
                        List.of("even", "odd"));
        Recipe recipe =
                Recipe.builder()
                        .optModel("vae-small")
                        .optLr(0.001)
                        .build()
                        .with("objective", objective);
        return assertThrows(
                        UserException.class, () -> TrainingRun.prepare(recipe, data, data, null))
                .getMessage();
    }

    @Test
    void adviceForMxnetWorksThere() {
        Recipe adam =
                Recipe.fromJson(
                        "{\"model\": \"vae-small\", \"engine\": \"mxnet\", \"optimizer\": \"adam\"}");
        assertEquals(
                "\"optimizer\" needs \"engine\" pytorch. Received: mxnet. Set \"optimizer\" sgd.",
                assertThrows(UserException.class, () -> SettingChecks.rejectIgnored(adam))
                        .getMessage());
        Recipe sgd = adam.with("optimizer", "sgd");
        SettingChecks.rejectIgnored(sgd);
        String message =
                assertThrows(UserException.class, () -> AutoencoderSettings.rejectUsualRate(sgd))
                        .getMessage();
        assertTrue(message.endsWith(" Set \"lr\" 0.0001."), message);
        AutoencoderSettings.rejectUsualRate(sgd.with("lr", 0.0001));
    }

    @Test
    void resumingKeepsTheObjective() {
        Path folder = dir.resolve("run");
        finishSteps(
                1,
                TrainingRun.prepare(
                        QuadrantImages.recipe(
                                "{'model': 'vae-small', 'epochs': 1, 'batch_size': 8, 'lr': 0}"),
                        images,
                        images,
                        folder));
        String message =
                assertThrows(
                                UserException.class,
                                () ->
                                        TrainingRun.resume(
                                                folder,
                                                Map.of("objective", "bernoulli"),
                                                images,
                                                images))
                        .getMessage();
        assertTrue(message.contains("\"objective\" 'bernoulli' (it is null)"), message);
    }
}
