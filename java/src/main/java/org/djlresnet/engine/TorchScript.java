package org.djlresnet.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A TorchScript program, compiled from its text; PyTorch only.
 *
 * <p>The text is that of methods of a class {@code Program}, in the form in which TorchScript saves
 * code: arguments by position, lists annotated, statements assigned. The class has one attribute,
 * {@code kept}, a list of tensors that methods may set. One thread at a time may use a program.
 */
public final class TorchScript implements AutoCloseable {

    private static final String HEADER =
            """
            class Program(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              kept : List[Tensor]
            """;

    /** A pickled {@code Program} with {@code training} true and {@code kept} empty. */
    private static final String OBJECT =
            "\u0080\2c__torch__\nProgram\nq\0)\u0081}(X\10\0\0\0trainingq\1\u0088"
                    + "X\4\0\0\0keptq\3]q\4ubq\2.";

    /** A pickled empty tuple. */
    private static final String NOTHING = "\u0080\2).";

    /** libtorch's setting is the thread's. */
    private static final ThreadLocal<Boolean> INTERPRETED = new ThreadLocal<>();

    private final PtSymbolBlock module;
    private final NDManager manager;
    private final Map<String, NDArray> methods = new HashMap<>();

    /**
     * Compiles a program.
     *
     * @param parent the manager of a PyTorch engine
     * @param text the methods
     */
    public TorchScript(NDManager parent, String text) {
        manager = parent.newSubManager();
        interpret();
        try (ByteArrayInputStream archive = new ByteArrayInputStream(archive(text))) {
            module = JniUtils.loadModule((PtNDManager) manager, archive, false, false);
        } catch (IOException | RuntimeException failure) {
            manager.close();
            throw new IllegalStateException("A program could not be compiled.", failure);
        }
    }

    /**
     * Names the arrays of a list argument.
     *
     * @param name the argument's name
     * @param arrays the arrays, whose names change
     * @return the arrays
     */
    public static NDList list(String name, Iterable<NDArray> arrays) {
        NDList list = new NDList();
        for (NDArray array : arrays) {
            array.setName(name + "[]");
            list.add(array);
        }
        return list;
    }

    /**
     * Calls a method.
     *
     * @param method its name
     * @param arguments its arguments in order; consecutive arrays with the same {@link #list} name
     *     are one argument
     * @return its results, with the manager of the first argument
     */
    public NDList call(String method, NDList arguments) {
        interpret();
        NDList all = new NDList(arguments);
        all.add(methods.computeIfAbsent(method, this::named));
        return IValueUtils.forward(module, all, true);
    }

    private NDArray named(String method) {
        NDArray name = manager.create(0);
        name.setName("module_method:" + method);
        return name;
    }

    /** Turns off the profiling executor, which is slow at first and whose digits change. */
    private static void interpret() {
        if (INTERPRETED.get() == null) {
            JniUtils.setGraphExecutorOptimize(false);
            INTERPRETED.set(true);
        }
    }

    private static byte[] archive(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            put(zip, "data.pkl", OBJECT.getBytes(StandardCharsets.ISO_8859_1));
            put(zip, "code/__torch__.py", (HEADER + text).getBytes(StandardCharsets.UTF_8));
            put(zip, "constants.pkl", NOTHING.getBytes(StandardCharsets.ISO_8859_1));
            put(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
            put(zip, "byteorder", "little".getBytes(StandardCharsets.UTF_8));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    /** Stores an entry without compression, as libtorch requires. */
    private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 checksum = new CRC32();
        checksum.update(content);
        ZipEntry entry = new ZipEntry("program/" + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(checksum.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }

    @Override
    public void close() {
        module.close();
        manager.close();
    }
}
