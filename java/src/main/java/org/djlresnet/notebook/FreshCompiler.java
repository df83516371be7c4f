package org.djlresnet.notebook;

import jdk.jshell.DeclarationSnippet;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;

/**
 * Replaces JShell's compiler after a snippet whose class could not be written.
 *
 * <p>JShell reuses javac's state, and javac keeps the constants of a class that it failed to write.
 * Without this, one string above 65,535 bytes breaks every later snippet.
 */
public final class FreshCompiler {

    private FreshCompiler() {}

    /**
     * Watches the snippets of a shell.
     *
     * @param shell the shell
     */
    public static void install(JShell shell) {
        shell.onSnippetEvent(event -> renew(shell, event));
    }

    private static void renew(JShell shell, SnippetEvent event) {
        Snippet snippet = event.snippet();
        if (event.status() != Snippet.Status.RECOVERABLE_NOT_DEFINED || isWaiting(shell, snippet)) {
            return;
        }
        // otherwise JShell compiles it again with its dependencies
        shell.drop(snippet);
        // a new class path makes JShell create a new compiler; this folder contains no classes
        shell.addToClasspath(System.getProperty("java.home"));
    }

    /** Returns whether a snippet only lacks a declaration that may still follow. */
    private static boolean isWaiting(JShell shell, Snippet snippet) {
        return snippet instanceof DeclarationSnippet declaration
                && shell.unresolvedDependencies(declaration).findAny().isPresent();
    }
}
