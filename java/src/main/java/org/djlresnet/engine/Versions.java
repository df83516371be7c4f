package org.djlresnet.engine;

import ai.djl.engine.Engine;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The versions of this library and of what it runs on. */
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
     * Describes everything whose version a result can depend on.
     *
     * @param engine the engine in use
     * @return a JSON object: py_djl_resnet, djl, engine, engine_version, java, os
     */
    public static JsonObject toJson(Engine engine) {
        JsonObject json = new JsonObject();
        json.addProperty("py_djl_resnet", library());
        json.addProperty("djl", BUILD.getProperty("djl"));
        json.addProperty("engine", engine.getEngineName());
        json.addProperty("engine_version", engine.getVersion());
        json.addProperty("java", System.getProperty("java.version"));
        json.addProperty("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return json;
    }
}
