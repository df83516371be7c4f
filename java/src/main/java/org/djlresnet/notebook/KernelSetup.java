package org.djlresnet.notebook;

import java.lang.reflect.Field;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.function.BiConsumer;

/**
 * Gives JJava's kernel our output and threads for its cells.
 *
 * <p>JJava has no setters for them, and lies in no Maven repository to be compiled against: its
 * fields are set by reflection. The extra {@code [notebook]} pins its version.
 */
public final class KernelSetup {

    private KernelSetup() {}

    /**
     * Sets the kernel up; its kernelspec has this called before the first cell.
     *
     * @param kernel JJava's kernel
     * @throws ReflectiveOperationException if this is another version of JJava
     */
    public static void install(Object kernel) throws ReflectiveOperationException {
        Object io = get(kernel, "io");
        Object jupyterOut = get(io, "jupyterOut");
        KernelOutput output = new KernelOutput(sender(io, "jupyterOut"), sender(io, "jupyterErr"));
        output.start();
        set(io, "out", output.stream("stdout"));
        set(io, "err", output.stream("stderr"));
        // what JJava gives back to the process at a cell's end: threads may print after it
        System.setOut(output.stream("stdout"));
        System.setErr(output.stream("stderr"));

        Object control = get(get(kernel, "evaluator"), "execControl");
        ThreadPoolExecutor before = (ThreadPoolExecutor) get(control, "executor");
        Field cell = field(jupyterOut, "env");
        CellThreads threads =
                new CellThreads(
                        before.getThreadFactory(),
                        () -> {
                            try {
                                output.begin(cell.get(jupyterOut));
                            } catch (IllegalAccessException impossible) {
                                throw new IllegalStateException(impossible);
                            }
                        },
                        output::send);
        set(control, "executor", threads);
        before.shutdown();
    }

    @SuppressWarnings("unchecked")
    private static BiConsumer<Object, String> sender(Object io, String stream)
            throws ReflectiveOperationException {
        return (BiConsumer<Object, String>) get(get(io, stream), "write");
    }

    private static Object get(Object owner, String name) throws ReflectiveOperationException {
        return field(owner, name).get(owner);
    }

    private static void set(Object owner, String name, Object value)
            throws ReflectiveOperationException {
        field(owner, name).set(owner, value);
    }

    private static Field field(Object owner, String name) throws NoSuchFieldException {
        for (Class<?> type = owner.getClass(); type != null; type = type.getSuperclass()) {
            for (Field field : type.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field;
                }
            }
        }
        throw new NoSuchFieldException(owner.getClass().getName() + "." + name);
    }
}
