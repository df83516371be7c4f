package org.djlresnet.bridge;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.BooleanSupplier;
import jdk.jshell.execution.LocalExecutionControl;

/**
 * Runs the classes of cells in this JVM, with every {@code System.exit} in them turned into {@link
 * CellExit#exit}: the end of Java would take Python with it, in the midst of what it does.
 *
 * <p>In a class file a call names its method by an entry of the constant pool (JVM specification,
 * 4.4.2); the entry of {@code System.exit} is given the other class.
 *
 * <p>JShell keeps to itself what the threads of its group throw. A cell therefore runs in a group
 * within that one, which tells it on standard error as Java does.
 */
final class CellExecution extends LocalExecutionControl {

    /** The group of a cell's threads. */
    static final String GROUP = "Java cell";

    private static final String EXIT = "java/lang/System.exit(I)V";
    private static final int UTF8 = 1;
    private static final int CLASS = 7;
    private static final int METHOD = 10;

    /** For the thread that JShell makes, which calls nothing but a static method. */
    private static final InheritableThreadLocal<Call> CALL = new InheritableThreadLocal<>();

    private record Call(
            Method snippet, Thread.UncaughtExceptionHandler handler, BooleanSupplier stopped) {}

    private final BooleanSupplier stopped;

    /**
     * Creates the execution of a shell's snippets.
     *
     * @param stopped whether the cell that runs was asked to end
     */
    CellExecution(BooleanSupplier stopped) {
        this.stopped = stopped;
    }

    @Override
    public void load(ClassBytecodes[] classes)
            throws ClassInstallException, NotImplementedException, EngineTerminationException {
        ClassBytecodes[] safe = new ClassBytecodes[classes.length];
        for (int i = 0; i < classes.length; i++) {
            safe[i] = new ClassBytecodes(classes[i].name(), withoutExit(classes[i].bytecodes()));
        }
        super.load(safe);
    }

    @Override
    protected String invoke(Method snippet) throws Exception {
        CALL.set(new Call(snippet, Thread.getDefaultUncaughtExceptionHandler(), stopped));
        try {
            Method run = CellExecution.class.getDeclaredMethod("run");
            run.setAccessible(true);
            return super.invoke(run);
        } finally {
            CALL.remove();
        }
    }

    /** Runs a snippet on a thread of its own, and ends when that has ended, not before. */
    private static Object run() throws Throwable {
        Call call = CALL.get();
        CALL.remove(); // or every thread of the cell would have it
        // before Java 20 JShell has set one for the whole JVM, which is silent
        Thread.setDefaultUncaughtExceptionHandler(call.handler());
        // who asks the cell to end may have looked for its thread before there was one
        FutureTask<Object> task =
                new FutureTask<>(
                        () -> call.stopped().getAsBoolean() ? null : call.snippet().invoke(null));
        Thread thread = new Thread(new Group(), task, "cell");
        thread.start();
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException | ThreadDeath asked) {
                // the cell's own thread was asked to end as well
            }
        }
        if (!task.isDone()) { // stopped before it began
            throw new ThreadDeath();
        }
        try {
            return task.get();
        } catch (ExecutionException thrown) {
            Throwable cause = thrown.getCause();
            throw cause instanceof InvocationTargetException ? cause.getCause() : cause;
        }
    }

    private static final class Group extends ThreadGroup {

        Group() {
            super(GROUP);
        }

        @Override
        public void uncaughtException(Thread thread, Throwable thrown) {
            if (!(thrown instanceof ThreadDeath)) { // which is how JShell ends a cell
                ThreadGroup silent = getParent();
                silent.getParent().uncaughtException(thread, thrown);
            }
        }
    }

    /** Returns a class file, which is the one given if it does not call {@code System.exit}. */
    static byte[] withoutExit(byte[] file) {
        try {
            return replaceExit(file);
        } catch (IOException impossible) { // in memory
            throw new UncheckedIOException(impossible);
        }
    }

    private static byte[] replaceExit(byte[] file) throws IOException {
        ByteArrayInputStream bytes = new ByteArrayInputStream(file);
        DataInputStream in = new DataInputStream(bytes);
        in.skipBytes(8); // magic number and version
        int count = in.readUnsignedShort();
        // by index: a text, or the two indices that an entry consists of
        String[] texts = new String[count];
        int[][] pairs = new int[count][];
        int[] tags = new int[count];
        int[] starts = new int[count];
        for (int i = 1; i < count; i++) {
            starts[i] = file.length - bytes.available();
            tags[i] = in.readUnsignedByte();
            switch (tags[i]) {
                case UTF8 -> texts[i] = in.readUTF();
                case CLASS, 8, 16, 19, 20 -> pairs[i] = new int[] {in.readUnsignedShort()};
                case 15 -> in.skipBytes(3);
                case 5, 6 -> { // long and double take two indices
                    in.skipBytes(8);
                    i++;
                }
                default -> pairs[i] = new int[] {in.readUnsignedShort(), in.readUnsignedShort()};
            }
        }
        int end = file.length - bytes.available();
        byte[] patched = file.clone();
        boolean exits = false;
        for (int i = 1; i < count; i++) {
            if (tags[i] == METHOD && EXIT.equals(method(pairs[i], pairs, texts))) {
                putShort(patched, starts[i] + 1, count + 1);
                exits = true;
            }
        }
        if (!exits) {
            return file;
        }
        putShort(patched, 8, count + 2);
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(whole);
        out.write(patched, 0, end);
        out.writeByte(UTF8);
        out.writeUTF(CellExit.class.getName().replace('.', '/'));
        out.writeByte(CLASS);
        out.writeShort(count);
        out.write(patched, end, patched.length - end);
        return whole.toByteArray();
    }

    private static String method(int[] method, int[][] pairs, String[] texts) {
        int[] nameAndType = pairs[method[1]];
        return texts[pairs[method[0]][0]] + "." + texts[nameAndType[0]] + texts[nameAndType[1]];
    }

    private static void putShort(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 8);
        bytes[at + 1] = (byte) value;
    }
}
