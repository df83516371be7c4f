package org.djlresnet.engine;

import ai.djl.engine.Engine;
import ai.djl.util.Utils;
import java.util.Locale;
import org.djlresnet.UserException;

/**
 * The engine of this process, which is DJL's default engine.
 *
 * <p>The system property {@value #PROPERTY} chooses it. If it is not set, the first recipe or
 * network chooses. The choice is final, because two engines in one process interfere with each
 * other.
 *
 * <p>This class also turns off DJL's telemetry, which would query a cloud metadata address when an
 * engine loads, unless the caller has set {@code OPT_OUT_TRACKING}.
 */
public final class Engines {

    /** DJL's system property for the default engine. */
    public static final String PROPERTY = "ai.djl.default_engine";

    private static final String OPT_OUT = "OPT_OUT_TRACKING";

    static {
        if (Utils.getEnvOrSystemProperty(OPT_OUT) == null) {
            System.setProperty(OPT_OUT, "true");
        }
    }

    private Engines() {}

    /**
     * Returns the engine of this process. If none is chosen yet, it is PyTorch if that is on the
     * class path.
     *
     * @return the engine, loaded
     */
    public static Engine current() {
        if (chosen() == null && Engine.hasEngine("PyTorch")) {
            System.setProperty(PROPERTY, "PyTorch");
        }
        return Engine.getInstance();
    }

    /**
     * Chooses the engine of this process.
     *
     * @param name pytorch or mxnet, in any case
     * @throws UserException if it is not on the class path, or the process uses another one
     */
    public static void require(String name) {
        String engine = name.equalsIgnoreCase("mxnet") ? "MXNet" : "PyTorch";
        if (!Engine.hasEngine(engine)) {
            throw UserException.of(
                    "The engine %1$s is not on the class path. Add DJL's artifact"
                            + " ai.djl.%2$s:%2$s-engine.",
                    engine, engine.toLowerCase(Locale.ROOT));
        }
        String chosen = chosen();
        if (chosen == null) {
            System.setProperty(PROPERTY, engine);
        } else if (!chosen.equals(engine)) {
            throw UserException.of(
                    "This process uses the engine %s, and a process has one engine. Received:"
                            + " %s. Start Java with -D%s=%s.",
                    chosen, engine, PROPERTY, engine);
        }
    }

    /** DJL also reads the environment variable DJL_DEFAULT_ENGINE. */
    private static String chosen() {
        return System.getProperty(PROPERTY, System.getenv("DJL_DEFAULT_ENGINE"));
    }
}
