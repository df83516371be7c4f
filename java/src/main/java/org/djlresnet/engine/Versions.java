package org.djlresnet.engine;

import ai.djl.engine.Engine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/** Versions of this library, DJL, the engine, Java and the operating system. */
public final class Versions {

    private static final Properties BUILD = new Properties();

    static {
        try (InputStream in =
                Versions.class.getResourceAsStream("/org/djlresnet/build.properties")) {
            BUILD.load(in);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private Versions() {}

    /**
     * Returns the version of this library.
     *
     * @return the version
     */
    public static String library() {
        return BUILD.getProperty("version");
    }

    /**
     * Returns everything whose version a result can depend on.
     *
     * @param engine the engine in use
     * @return versions by the keys py_djl_resnet, djl, engine, engine_version, java and os
     */
    public static Map<String, String> of(Engine engine) {
        Map<String, String> versions = new LinkedHashMap<>();
        versions.put("py_djl_resnet", library());
        versions.put("djl", BUILD.getProperty("djl"));
        versions.put("engine", engine.getEngineName());
        versions.put("engine_version", engine.getVersion());
        versions.put("java", System.getProperty("java.version"));
        versions.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return versions;
    }
}
