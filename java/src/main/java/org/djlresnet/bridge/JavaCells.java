package org.djlresnet.bridge;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.PrintStream;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.lang.model.SourceVersion;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.figure.NotebookFigure;
import org.djlresnet.model.Network;
import tech.tablesaw.plotly.components.Figure;

/**
 * Cells of Java code in Python's notebook: run in this very JVM, with variables that cross by name.
 *
 * <p>One cell at a time. From its opening on all that Java prints goes to {@link #output}.
 */
public final class JavaCells {

    private static final Map<String, Object> EXCHANGE = new ConcurrentHashMap<>();
    private static final PrintStream OUT = System.out;
    private static final PrintStream ERR = System.err;

    private final CellOutput output = new CellOutput();
    private final NDManager manager = NDManager.newBaseManager();
    private final CellShell shell;
    private CountDownLatch ended = new CountDownLatch(0);

    /**
     * Opens a shell.
     *
     * @param classPath the jars that cells see, which are those of this JVM
     * @throws UserException if this Java cannot compile
     */
    JavaCells(String[] classPath) {
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            throw new UserException(
                    "Java cells need a JDK, for they are compiled; "
                            + System.getProperty("java.home")
                            + " is a runtime alone. Set JAVA_HOME to a JDK and start again");
        }
        shell = new CellShell(classPath);
        System.setOut(output.stream("stdout"));
        System.setErr(output.stream("stderr"));
    }

    /**
     * Where variables lie while they cross; for the code of cells only.
     *
     * @return values by name
     */
    public static Map<String, Object> exchange() {
        return EXCHANGE;
    }

    /**
     * Begins a cell on a thread of its own.
     *
     * @param code Java code
     * @throws UserException if the last one has not ended
     */
    public void start(String code) {
        if (ended.getCount() > 0) {
            throw new UserException(
                    "A Java cell is still running and cannot be ended; restart the kernel");
        }
        ended = new CountDownLatch(1);
        CountDownLatch end = ended;
        shell.begin();
        output.setBounded(true);
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                shell.run(code);
                            } finally {
                                output.setBounded(false);
                                end.countDown();
                            }
                        },
                        "java-cell");
        thread.setContextClassLoader(JavaCells.class.getClassLoader());
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Waits for the cell's end.
     *
     * @param milliseconds how long at most
     * @return whether it has ended
     * @throws InterruptedException if this thread is interrupted
     */
    public boolean await(long milliseconds) throws InterruptedException {
        return ended.await(milliseconds, TimeUnit.MILLISECONDS);
    }

    /**
     * Takes what was printed since the last time.
     *
     * @return {@code [{"stream": "stdout" or "stderr", "text"}]}, in the order of printing
     */
    public String output() {
        return output.take();
    }

    /** Asks the cell to end: interrupts its thread. */
    public void stop() {
        shell.interrupt();
    }

    /** Ends the cell where it is, if it does not end when asked to. */
    public void kill() {
        output.setBounded(false);
        shell.kill();
    }

    /**
     * Tells how the last cell ended.
     *
     * @return {@code {"state": "done", "failed" or "stopped", "value": the name of the variable
     *     with the value of a last expression, or null, "error": null or {"kind", "message",
     *     "cell", "line", "source", "trace"}}}
     */
    public String result() {
        return shell.result();
    }

    /** Gives standard output and error back, and ends the shell. */
    public void close() {
        System.setOut(OUT);
        System.setErr(ERR);
        shell.close();
        manager.close();
    }

    /**
     * Declares a whole number.
     *
     * @param name the variable
     * @param value the value; an {@code int} where it fits
     */
    public void putWhole(String name, long value) {
        if (value == (int) value) {
            declare(name, "int", (int) value);
        } else {
            declare(name, "long", value);
        }
    }

    /**
     * Declares a {@code double}.
     *
     * @param name the variable
     * @param value the value
     */
    public void putReal(String name, double value) {
        declare(name, "double", value);
    }

    /**
     * Declares a {@code boolean}.
     *
     * @param name the variable
     * @param value the value
     */
    public void putTruth(String name, boolean value) {
        declare(name, "boolean", value);
    }

    /**
     * Declares an {@code NDArray}, a copy that lives until a variable of this name is declared
     * again.
     *
     * @param name the variable
     * @param values a direct buffer in native order
     * @param type DJL's name of the elements' type
     * @param shape the shape
     */
    public void putArray(String name, ByteBuffer values, String type, long[] shape) {
        requireName(name);
        ByteBuffer copy =
                ByteBuffer.allocateDirect(values.remaining()).order(ByteOrder.nativeOrder());
        copy.put(values.slice()).flip();
        NDArray array = manager.create(copy, new Shape(shape), DataType.valueOf(type));
        declare(name, NDArray.class.getName(), array);
    }

    /**
     * Declares a {@code Network}.
     *
     * @param name the variable
     * @param network the network, which stays Python's to close
     */
    public void putNetwork(String name, NetworkHandle network) {
        declare(name, Network.class.getName(), network.network());
    }

    /**
     * Declares a variable of an object's own class, or its nearest public one.
     *
     * @param name the variable
     * @param value the object, not null
     */
    public void putObject(String name, Object value) {
        Class<?> type = value.getClass();
        while (!type.isArray()
                && (!Modifier.isPublic(type.getModifiers()) || type.getCanonicalName() == null)) {
            type = type.getSuperclass();
        }
        declare(name, type.getCanonicalName(), value);
    }

    private void declare(String name, String type, Object value) {
        requireName(name);
        EXCHANGE.put(name, value);
        shell.declare(
                String.format(
                        "%s %s = (%s) %s.exchange().remove(\"%s\");",
                        type, name, type, JavaCells.class.getName(), name));
    }

    private static void requireName(String name) {
        if (!SourceVersion.isName(name) || name.contains(".")) {
            throw new UserException("\"" + name + "\" cannot be the name of a variable in Java");
        }
    }

    /**
     * What a variable holds, for Python.
     *
     * @param kind null, whole, real, truth, text, array, network, html (of a figure) or object
     * @param value the value; of an array its bytes in a direct buffer of native order
     * @param type an array's type in DJL's words, or the value's class
     * @param shape an array's shape, or null
     */
    public record Variable(String kind, Object value, String type, long[] shape) {}

    /**
     * Reads a variable.
     *
     * @param name its name
     * @return its value
     * @throws UserException if no cell has declared it
     */
    public Variable get(String name) {
        if (!shell.has(name)) {
            throw new UserException("There is no Java variable \"" + name + "\"");
        }
        String slot = "get " + name;
        shell.declare(
                String.format(
                        "if ((Object) %s != null) %s.exchange().put(\"%s\", %s);",
                        name, JavaCells.class.getName(), slot, name));
        Object value = EXCHANGE.remove(slot);
        if (value == null) {
            return new Variable("null", null, null, null);
        }
        String type = value.getClass().getTypeName();
        if (value instanceof NDArray array) {
            ByteBuffer bytes = array.toByteBuffer();
            ByteBuffer copy =
                    ByteBuffer.allocateDirect(bytes.remaining()).order(ByteOrder.nativeOrder());
            copy.put(bytes).flip();
            return new Variable(
                    "array", copy, array.getDataType().name(), array.getShape().getShape());
        }
        if (value instanceof Network network) {
            NetworkHandle handle =
                    new NetworkHandle(
                            network,
                            Checkpoint.describe(
                                    network.model(),
                                    network.inChannels(),
                                    network.classNames(),
                                    null));
            return new Variable("network", handle, type, null);
        }
        if (value instanceof Figure figure) {
            return new Variable("html", NotebookFigure.html(figure), type, null);
        }
        if (value instanceof Boolean) {
            return new Variable("truth", value, type, null);
        }
        if (value instanceof Float || value instanceof Double) {
            return new Variable("real", value, type, null);
        }
        if (value instanceof Byte
                || value instanceof Short
                || value instanceof Integer
                || value instanceof Long) {
            return new Variable("whole", value, type, null);
        }
        boolean text = value instanceof CharSequence || value instanceof Character;
        return new Variable(text ? "text" : "object", text ? value.toString() : value, type, null);
    }
}
