package org.djlresnet.notebook;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Checks the kernelspec's class path and starts JJava, the Java kernel.
 *
 * <p>The kernel ends when the process that started it ends, even if that process is killed.
 */
public final class Kernel {

    private static final String JJAVA = "org.dflib.jjava.distro.JJava";
    private static final long INTERVAL_NANOS = 500_000_000;

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
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!new File(entry).isFile()) {
                return "The kernelspec is outdated: "
                        + entry
                        + " no longer exists. Run: python -m py_djl_resnet notebook --kernel-only";
            }
        }
        return null;
    }

    /**
     * Ends this process when its parent changes: a killed notebook server does not end its kernels.
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
