package org.djlresnet.bridge;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.lang.ref.WeakReference;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import javax.lang.model.SourceVersion;
import org.djlresnet.UserException;
import org.djlresnet.checkpoint.Checkpoint;
import org.djlresnet.figure.NotebookFigure;
import org.djlresnet.model.Network;
import org.djlresnet.model.TensorBytes;
import tech.tablesaw.plotly.components.Figure;

/** The variables that Java cells and Python exchange by name. */
public final class CellVariables {

    private static final Map<String, Object> EXCHANGE = new ConcurrentHashMap<>();

    private final NDManager manager = NDManager.newBaseManager();
    private final CellShell shell;

    /** The arrays given by Python, closed when their variable is declared again. */
    private final Map<String, NDArray> arrays = new HashMap<>();

    /** One handle per network: closing a second one would close the first. */
    private final Map<Network, WeakReference<NetworkHandle>> handles = new WeakHashMap<>();

    CellVariables(CellShell shell) {
        this.shell = shell;
    }

    /**
     * Holds variables while they are exchanged; only code generated for cells uses it.
     *
     * @return values by name
     */
    public static Map<String, Object> exchange() {
        return EXCHANGE;
    }

    void close() {
        manager.close();
    }

    /**
     * Declares an {@code int}, or a {@code long} if the value needs one.
     *
     * @param name the variable
     * @param value the value
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
     * Declares an {@code NDArray}, a copy that lives until this name is declared again.
     *
     * @param name the variable
     * @param values a direct buffer in native order
     * @param type the element type, by DJL's name
     * @param shape the shape
     */
    public void putArray(String name, ByteBuffer values, String type, long[] shape) {
        requireName(name);
        ByteBuffer copy = TensorBytes.copy(values);
        NDArray array = manager.create(copy, new Shape(shape), DataType.valueOf(type));
        declare(name, NDArray.class.getName(), array);
        arrays.put(name, array);
    }

    /**
     * Declares a {@code Network}.
     *
     * @param name the variable
     * @param network the network; Python still closes it
     */
    public void putNetwork(String name, NetworkHandle network) {
        handles.put(network.network(), new WeakReference<>(network));
        declare(name, Network.class.getName(), network.share());
    }

    /**
     * Declares a variable of an object's class. If that class is not public, uses a public
     * interface instead, such as {@code List} for {@code List.of(1)}, or else a superclass.
     *
     * @param name the variable
     * @param value the object, not null
     */
    public void putObject(String name, Object value) {
        if (shell.has(name) && read(name) == value) {
            return; // keep the declared type, which may be more specific, such as List<Integer>
        }
        declare(name, publicType(value.getClass()).getCanonicalName(), value);
    }

    private static Class<?> publicType(Class<?> type) {
        while (!type.isArray() && !isPublic(type)) {
            for (Class<?> known : type.getInterfaces()) {
                // skip marker interfaces such as Serializable
                if (isPublic(known) && known.getMethods().length > 0) {
                    return known;
                }
            }
            type = type.getSuperclass();
        }
        return type;
    }

    private static boolean isPublic(Class<?> type) {
        return Modifier.isPublic(type.getModifiers()) && type.getCanonicalName() != null;
    }

    private void declare(String name, String type, Object value) {
        requireName(name);
        EXCHANGE.put(name, value);
        shell.declare(
                "%s %s = (%s) %s.exchange().remove(\"%s\");"
                        .formatted(type, name, type, CellVariables.class.getName(), name));
        NDArray before = arrays.remove(name);
        if (before != null) {
            before.close();
        }
    }

    private static void requireName(String name) {
        if (!SourceVersion.isName(name) || name.contains(".")) {
            throw new UserException(
                    "Java does not allow this variable name. Received: '"
                            + name
                            + "'. Assign the value to another name.");
        }
    }

    /**
     * The value of a variable, for Python.
     *
     * @param kind null, whole, real, truth, text, array, network, html (a figure) or object
     * @param value the value; for an array, a direct buffer in native order
     * @param type for an array its element type, by DJL's name; otherwise the value's class
     * @param shape the shape of an array, or null
     */
    public record Variable(String kind, Object value, String type, long[] shape) {}

    /**
     * Reads a variable.
     *
     * @param name its name
     * @return its value
     * @throws UserException if no cell declared it
     */
    public Variable get(String name) {
        if (!shell.has(name)) {
            throw new UserException("There is no Java variable '" + name + "'.");
        }
        Object value = read(name);
        if (value == null) {
            return new Variable("null", null, null, null);
        }
        String type = value.getClass().getTypeName();
        if (value instanceof NDArray array) {
            ByteBuffer copy = TensorBytes.copy(array.toByteBuffer());
            return new Variable(
                    "array", copy, array.getDataType().name(), array.getShape().getShape());
        }
        if (value instanceof Network network) {
            return new Variable("network", handle(network), type, null);
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

    private Object read(String name) {
        String slot = "get " + name;
        shell.declare(
                "if ((Object) %s != null) %s.exchange().put(\"%s\", %s);"
                        .formatted(name, CellVariables.class.getName(), slot, name));
        return EXCHANGE.remove(slot);
    }

    private NetworkHandle handle(Network network) {
        WeakReference<NetworkHandle> known = handles.get(network);
        NetworkHandle handle = known == null ? null : known.get();
        if (handle == null) {
            handle = new NetworkHandle(network, Checkpoint.describe(network.specification()));
            handle.share();
            handles.put(network, new WeakReference<>(handle));
        }
        return handle;
    }
}
