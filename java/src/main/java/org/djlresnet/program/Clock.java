package org.djlresnet.program;

import static org.djlresnet.program.Code.call;

import java.util.ArrayList;
import java.util.List;

/** Reads the clock inside a program, at the beginning of each part of the network. */
public final class Clock {

    /** The phase of the forward pass. */
    public static final String FORWARD = "forward";

    /** The phase of the backward pass. */
    public static final String BACKWARD = "backward";

    /** The part that is the loss and its gradient. */
    public static final String LOSS = "loss";

    /**
     * A time between two readings.
     *
     * @param phase {@link #FORWARD} or {@link #BACKWARD}
     * @param part a layer or residual block, or {@link #LOSS}
     */
    public record Lap(String phase, String part) {}

    private final List<Lap> laps = new ArrayList<>();
    private final List<String> readings = new ArrayList<>();

    /** Creates a clock without readings. */
    public Clock() {}

    /**
     * Returns the laps of a step. Its program returns one reading more, in nanoseconds, int64.
     *
     * @return the laps in order
     */
    public List<Lap> laps() {
        return List.copyOf(laps);
    }

    /** Begins a lap. */
    void read(Code code, String phase, String part) {
        laps.add(new Lap(phase, part));
        stop(code);
    }

    /** Ends the last lap. */
    void stop(Code code) {
        readings.add(code.let("t", "ops.prim.TimePoint()"));
    }

    /** An expression for the readings. */
    String times() {
        return call("tensor", "annotate(List[int], " + readings + ")", "dtype=4");
    }
}
