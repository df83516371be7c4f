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

/** The variables that cross by name between Java cells and Python. */
public final class CellVariables {

    private static final Map<String, Object> EXCHANGE = new ConcurrentHashMap<>();

    private final NDManager manager = NDManager.newBaseManager();
    private final CellShell shell;

    /**
     * The arrays that variables were declared with, for as long as those are not declared again.
     */
    private final Map<String, NDArray> arrays = new HashMap<>();

    /** The one handle of each network that has crossed: closing a second would close the first. */
    private final Map<Network, WeakReference<NetworkHandle>> handles = new WeakHashMap<>();

    CellVariables(CellShell shell) {
        this.shell = shell;
    }

    /**
     * Where variables lie while they cross; for the code of cells only.
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
        ByteBuffer copy = TensorBytes.copy(values);
        NDArray array = manager.create(copy, new Shape(shape), DataType.valueOf(type));
        declare(name, NDArray.class.getName(), array);
        arrays.put(name, array);
    }

    /**
     * Declares a {@code Network}.
     *
     * @param name the variable
     * @param network the network, which stays Python's to close
     */
    public void putNetwork(String name, NetworkHandle network) {
        handles.put(network.network(), new WeakReference<>(network));
        declare(name, Network.class.getName(), network.share());
    }

    /**
     * Declares a variable of an object's own class, or of what it is known as where that is not
     * public: its nearest interface, as {@code List} for {@code List.of(1)}, else superclass.
     *
     * @param name the variable
     * @param value the object, not null
     */
    public void putObject(String name, Object value) {
        if (shell.has(name) && read(name) == value) {
            return; // it came from this variable, whose type may tell more, as List<Integer> does
        }
        declare(name, publicType(value.getClass()).getCanonicalName(), value);
    }

    private static Class<?> publicType(Class<?> type) {
        while (!type.isArray() && !isPublic(type)) {
            for (Class<?> known : type.getInterfaces()) {
                // not one that only marks, as Serializable does
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
                String.format(
                        "%s %s = (%s) %s.exchange().remove(\"%s\");",
                        type, name, type, CellVariables.class.getName(), name));
        NDArray before = arrays.remove(name);
        if (before != null) {
            before.close();
        }
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
                String.format(
                        "if ((Object) %s != null) %s.exchange().put(\"%s\", %s);",
                        name, CellVariables.class.getName(), slot, name));
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
