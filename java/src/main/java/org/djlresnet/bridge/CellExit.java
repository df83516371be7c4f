package org.djlresnet.bridge;

/** What a cell calls in the place of {@code System.exit}. */
public final class CellExit {

    private CellExit() {}

    /**
     * Refuses to end Java, in the way that {@link System#exit} has for it.
     *
     * @param status the exit code
     * @throws SecurityException always
     */
    public static void exit(int status) {
        throw new SecurityException(
                "System.exit("
                        + status
                        + ") would end Java, and this notebook's Python with it;"
                        + " restart the kernel instead");
    }
}
