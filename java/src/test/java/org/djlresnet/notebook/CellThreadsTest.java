package org.djlresnet.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CellThreadsTest {

    private final List<String> events = new ArrayList<>();
    private final CellThreads threads =
            new CellThreads(Thread::new, () -> events.add("begin"), () -> events.add("end"));

    @AfterEach
    void close() {
        threads.shutdown();
    }

    @Test
    void aSnippetHasAValueOrFails() throws Exception {
        assertEquals(7, threads.submit(() -> 7).get());
        assertEquals(List.of("begin", "end"), events);
        Future<Object> failing =
                threads.submit(
                        () -> {
                            throw new IllegalStateException("own");
                        });
        ExecutionException thrown = assertThrows(ExecutionException.class, failing::get);
        assertEquals("own", thrown.getCause().getMessage());
    }

    @Test
    void anInterruptedSnippetIsAwaited() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean cleared = new AtomicBoolean();
        Future<?> snippet =
                threads.submit(
                        () -> {
                            begun.countDown();
                            try {
                                new CountDownLatch(1).await();
                            } finally {
                                Thread.sleep(300);
                                cleared.set(true);
                            }
                            return null;
                        });
        begun.await();
        snippet.cancel(true);
        assertThrows(CancellationException.class, snippet::get);
        assertTrue(cleared.get());
    }

    @Test
    void whatCannotBeEndedIsTold() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        AtomicBoolean release = new AtomicBoolean();
        Future<?> snippet =
                threads.submit(
                        () -> {
                            begun.countDown();
                            while (!release.get()) {
                                try {
                                    Thread.sleep(10);
                                } catch (Throwable any) {
                                    // as a cell with a loop around everything
                                }
                            }
                            return null;
                        });
        begun.await();
        snippet.cancel(true);
        ExecutionException thrown = assertThrows(ExecutionException.class, snippet::get);
        assertEquals(
                "the Java cell cannot be ended; restart the kernel",
                thrown.getCause().getMessage());
        assertFalse(snippet.isDone());
        release.set(true);
    }
}
