package org.djlresnet.notebook;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Starts the Java kernel JJava for a notebook, after a look at what the kernelspec promises.
 *
 * <p>It stands alone, without any other class of this library, so that it can say what is wrong
 * with a kernelspec whose jars have gone. The kernel ends with the process that started it, in
 * whatever way that one ends.
 */
public final class Kernel {

    private static final String JJAVA = "org.dflib.jjava.distro.JJava";
    private static final long INTERVAL_NANOS = 500_000_000;
    private static final String CURE = "Run: python -m py_djl_resnet notebook --kernel-only";

    private Kernel() {}

    /**
     * Starts the kernel.
     *
     * @param args the connection file
     * @throws ReflectiveOperationException if the kernel has another entry point
     */
    public static void main(String[] args) throws ReflectiveOperationException {
        String problem = problem();
        if (problem != null) {
            System.err.println("py-djl-resnet: error: " + problem);
            System.exit(1);
        }
        Logger.getLogger("").setLevel(Level.WARNING);
        endWith(System.getenv("JPY_PARENT_PID"));
        try {
            Class.forName(JJAVA).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException thrown) {
            thrown.getCause().printStackTrace();
            System.exit(1);
        }
    }

    private static String problem() {
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            return "a Java notebook needs a JDK, for cells are compiled; "
                    + System.getProperty("java.home")
                    + " is a runtime alone. Set JAVA_HOME to a JDK. "
                    + CURE;
        }
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!new File(entry).isFile()) {
                return "the kernelspec is outdated: " + entry + " is not there any more. " + CURE;
            }
        }
        return null;
    }

    /**
     * A notebook server that is killed has no time to end its kernels. That it has gone shows in
     * another parent of this process, even while its own parent has not noticed; it may have gone
     * before this method is called.
     */
    private static void endWith(String process) {
        if (process == null) {
            return;
        }
        Thread watch =
                new Thread(
                        () -> {
                            while (process.equals(parent())) {
                                LockSupport.parkNanos(INTERVAL_NANOS);
                            }
                            Runtime.getRuntime().halt(1);
                        },
                        "parent-watch");
        watch.setDaemon(true);
        watch.start();
    }

    private static String parent() {
        return ProcessHandle.current().parent().map(handle -> "" + handle.pid()).orElse("");
    }
}
