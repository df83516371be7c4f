package org.djlresnet.bridge;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.lang.invoke.MethodType;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.djlresnet.UserException;
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
     * Declares a variable of a value's class, or of its primitive type: {@code int} for a whole
     * number that fits, else {@code long}. If the class is not public, uses a public interface
     * instead, such as {@code List} for {@code List.of(1)}, or else a superclass.
     *
     * @param name the variable
     * @param value the value, not null
     */
    public void put(String name, Object value) {
        if (shell.has(name) && read(name) == value) {
            return; // keep the declared type, which may be more specific, such as List<Integer>
        }
        Object given = value;
        if (value instanceof Long whole && whole == whole.intValue()) {
            given = whole.intValue();
        }
        Class<?> type = MethodType.methodType(publicType(given.getClass())).unwrap().returnType();
        declare(name, type, given);
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
        ByteBuffer copy = TensorBytes.copy(values);
        NDArray array = manager.create(copy, new Shape(shape), DataType.valueOf(type));
        declare(name, NDArray.class, array);
        arrays.put(name, array);
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

    private void declare(String name, Class<?> type, Object value) {
        EXCHANGE.put(name, value);
        shell.declare(
                "%1$s %2$s = (%1$s) %3$s.exchange().remove(\"%2$s\");"
                        .formatted(type.getCanonicalName(), name, CellVariables.class.getName()));
        NDArray before = arrays.remove(name);
        if (before != null) {
            before.close();
        }
    }

    /**
     * The value of a variable, for Python.
     *
     * @param kind array, network, html (a figure) or object
     * @param value the value; for an array, a direct buffer in native order
     * @param type the element type of an array, by DJL's name, or null
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
        if (value instanceof NDArray array) {
            ByteBuffer copy = TensorBytes.copy(array.toByteBuffer());
            return new Variable(
                    "array", copy, array.getDataType().name(), array.getShape().getShape());
        }
        if (value instanceof Figure figure) {
            return new Variable("html", NotebookFigure.html(figure), null, null);
        }
        String kind = value instanceof Network ? "network" : "object";
        return new Variable(
                kind, value instanceof CharSequence ? value.toString() : value, null, null);
    }

    private Object read(String name) {
        String slot = "get " + name;
        shell.declare(
                "if ((Object) %s != null) %s.exchange().put(\"%s\", %s);"
                        .formatted(name, CellVariables.class.getName(), slot, name));
        return EXCHANGE.remove(slot);
    }

    /**
     * Wraps a network that a cell created and still owns.
     *
     * @param network the network
     * @return its handle
     */
    public NetworkHandle handle(Network network) {
        NetworkHandle handle = new NetworkHandle(network);
        handle.share();
        return handle;
    }
}
