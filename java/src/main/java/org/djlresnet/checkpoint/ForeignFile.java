package org.djlresnet.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.ZipFile;
import org.djlresnet.InputFile;
import org.djlresnet.UserException;

/** Recognizes other kinds of files that users pass instead of safetensors. */
public final class ForeignFile {

    private static final int START = 1 << 16;
    private static final String RESAVE =
            "Save its state dict in Python with safetensors.torch.save_file.";

    /** The advice for the weights of another program. */
    static final String IMPORT =
            "Import it first: py-djl-resnet import FILE --model NAME --out NEW.safetensors";

    private static final String PICKLE = "a pickle, as written by torch.save. " + IMPORT;

    private ForeignFile() {}

    /**
     * Returns whether {@code torch.save} may have written a file.
     *
     * @param file the file
     * @return whether it is a pickle, alone or in an archive
     */
    public static boolean isPickle(Path file) {
        try {
            return PICKLE.equals(describe(file));
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read: " + e, e);
        }
    }

    /**
     * Describes a file that is not safetensors.
     *
     * @param file the file
     * @return what it is and what to do, as the end of a sentence; null if unknown
     * @throws UserException if it is a Git LFS pointer
     */
    static String describe(Path file) throws IOException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(START);
        }
        InputFile.rejectLfsPointer(file, bytes);
        String start = new String(bytes, StandardCharsets.ISO_8859_1);
        String text = start.replace("\u00ef\u00bb\u00bf", "").strip().toLowerCase(Locale.ROOT);
        if (text.startsWith("<!doctype html") || text.startsWith("<html")) {
            return "an HTML page, such as a login or error page, not weights. Download the file again"
                    + " by its direct link.";
        }
        if (text.startsWith("{") && text.contains("\"weight_map\"")) {
            return "the index of weights in several files, without the weights. Load the files that"
                    + " it lists in Python, and save all tensors as one file with"
                    + " safetensors.torch.save_file.";
        }
        if (text.matches("(?s)\\{\\s*\".*")) {
            return "a JSON file, not weights. Give a .safetensors file or a run folder.";
        }
        if (start.startsWith("PK\u0003\u0004")) {
            return describeZip(file);
        }
        // a safetensors header length may start with the same bytes, but its ninth byte is a brace
        if (start.matches("(?s)\u0080[\u0002-\u0005].{6}[^{].*")) {
            return PICKLE;
        }
        if (start.startsWith("\u0093NUMPY")) {
            return "a single NumPy array, not tensors by name. " + RESAVE;
        }
        if (start.startsWith("\u0089HDF")) {
            return "an HDF5 file, as written by Keras. Only weights with PyTorch's names can be read.";
        }
        return null;
    }

    private static String describeZip(Path file) {
        try (ZipFile zip = new ZipFile(file.toFile())) {
            if (zip.stream().anyMatch(entry -> entry.getName().endsWith(".npy"))) {
                return "a NumPy archive (.npz). Save its arrays in Python with"
                        + " safetensors.numpy.save_file.";
            }
            if (zip.stream().anyMatch(entry -> entry.getName().contains("/code/"))) {
                return "a TorchScript program. Load it in Python with torch.jit.load, and save its"
                        + " state_dict() with safetensors.torch.save_file.";
            }
            if (zip.stream().anyMatch(entry -> entry.getName().endsWith("/data.pkl"))) {
                return PICKLE;
            }
        } catch (IOException damaged) {
            return "a damaged ZIP archive. Use another copy.";
        }
        return "a ZIP archive. Give a safetensors file.";
    }
}
