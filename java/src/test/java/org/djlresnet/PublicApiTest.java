package org.djlresnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class PublicApiTest {

    /** Which JSON library reads and writes our files is not a caller's business. */
    @Test
    void exposesNoGsonType() throws Exception {
        Path root = Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<Class<?>> classes;
        try (Stream<Path> files = Files.walk(root)) {
            classes =
                    files.map(file -> root.relativize(file).toString())
                            .filter(name -> name.endsWith(".class"))
                            .map(name -> name.replace('/', '.').replace('\\', '.'))
                            .map(name -> name.substring(0, name.length() - ".class".length()))
                            .<Class<?>>map(PublicApiTest::load)
                            .filter(type -> Modifier.isPublic(type.getModifiers()))
                            .toList();
        }
        assertTrue(classes.contains(Main.class));
        List<String> exposed =
                classes.stream()
                        .flatMap(PublicApiTest::signatures)
                        .filter(signature -> signature.contains("com.google.gson"))
                        .toList();
        assertEquals(List.of(), exposed);
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name, false, PublicApiTest.class.getClassLoader());
        } catch (ClassNotFoundException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Stream<String> signatures(Class<?> type) {
        Stream<Executable> executables =
                Stream.concat(
                        Stream.of(type.getDeclaredMethods()),
                        Stream.of(type.getDeclaredConstructors()));
        return Stream.concat(
                executables
                        .filter(member -> isVisible(member.getModifiers()))
                        .map(Executable::toGenericString),
                Stream.of(type.getDeclaredFields())
                        .filter(field -> isVisible(field.getModifiers()))
                        .map(Field::toGenericString));
    }

    private static boolean isVisible(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }
}
