package org.djlresnet.checkpoint;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import com.google.gson.stream.MalformedJsonException;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file, parsed token by token, so that a hostile file cannot make
 * us build anything large.
 *
 * <p>Source: <a href="https://github.com/huggingface/safetensors">the format's description</a>.
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {

    static final String METADATA = "__metadata__";

    /** NumPy's limit. */
    private static final int MOST_DIMENSIONS = 64;

    /** An invalid header; the caller adds the file to the message. */
    static final class BadHeaderException extends Exception {
        private static final long serialVersionUID = 1L;

        BadHeaderException(String message) {
            super(message);
        }
    }

    /**
     * Parses and checks a header.
     *
     * @param json the header's text
     * @param dataBytes the length of the data section, which the tensors must fill exactly
     * @return the metadata and the tensors by name, both in the order of the header
     * @throws BadHeaderException if the header is invalid
     */
    static SafetensorsHeader parse(String json, long dataBytes) throws BadHeaderException {
        if (!json.startsWith("{")) {
            throw new BadHeaderException("the header is not a JSON object");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        try (JsonReader in = new JsonReader(new StringReader(json))) {
            in.setStrictness(Strictness.STRICT);
            boolean hasMetadata = false;
            in.beginObject();
            while (in.hasNext()) {
                String name = in.nextName();
                if (tensors.containsKey(name) || (hasMetadata && name.equals(METADATA))) {
                    throw new BadHeaderException("the header has \"" + name + "\" twice");
                }
                if (name.equals(METADATA)) {
                    hasMetadata = true;
                    readMetadata(in, metadata);
                } else {
                    tensors.put(name, readTensor(in, name));
                }
            }
            in.endObject();
            expect(in, JsonToken.END_DOCUMENT, "after the header");
        } catch (MalformedJsonException | EOFException e) {
            throw new BadHeaderException("the header is not valid JSON" + position(e));
        } catch (IOException | IllegalStateException e) {
            throw new BadHeaderException("the header has an unexpected form" + position(e));
        }
        checkFilled(tensors, dataBytes);
        return new SafetensorsHeader(metadata, tensors);
    }

    /** Returns the end of Gson's message, without its advice for developers. */
    private static String position(Exception e) {
        String first = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return first.contains(" at line ") ? first.substring(first.indexOf(" at line ")) : "";
    }

    private static void readMetadata(JsonReader in, Map<String, String> metadata)
            throws IOException, BadHeaderException {
        expect(in, JsonToken.BEGIN_OBJECT, "in " + METADATA);
        in.beginObject();
        while (in.hasNext()) {
            String key = in.nextName();
            expect(in, JsonToken.STRING, "in " + METADATA + " \"" + key + "\"");
            if (metadata.put(key, in.nextString()) != null) {
                throw new BadHeaderException("the metadata has \"" + key + "\" twice");
            }
        }
        in.endObject();
    }

    private static TensorInfo readTensor(JsonReader in, String name)
            throws IOException, BadHeaderException {
        String where = "in tensor \"" + name + "\"";
        Dtype dtype = null;
        long[] shape = null;
        long[] offsets = null;
        expect(in, JsonToken.BEGIN_OBJECT, where);
        in.beginObject();
        while (in.hasNext()) {
            String key = in.nextName();
            switch (key) {
                case "dtype" -> {
                    expect(in, JsonToken.STRING, where + " dtype");
                    dtype = dtype(in.nextString(), where);
                }
                case "shape" -> {
                    shape = readLongs(in, where + " shape");
                }
                case "data_offsets" -> {
                    offsets = readLongs(in, where + " data_offsets");
                }
                default -> throw new BadHeaderException("unknown key \"" + key + "\" " + where);
            }
        }
        in.endObject();
        if (dtype == null || shape == null || offsets == null) {
            throw new BadHeaderException("dtype, shape or data_offsets is missing " + where);
        }
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw new BadHeaderException(
                    "data_offsets must be a begin and an end, not "
                            + Arrays.toString(offsets)
                            + " "
                            + where);
        }
        checkBytes(dtype, shape, offsets, where);
        return new TensorInfo(name, dtype, shape, offsets[0], offsets[1]);
    }

    private static void checkBytes(Dtype dtype, long[] shape, long[] offsets, String where)
            throws BadHeaderException {
        long bytes;
        try {
            bytes = bytes(dtype, shape);
        } catch (IllegalArgumentException e) {
            throw new BadHeaderException(e.getMessage() + " " + where);
        }
        if (bytes != offsets[1] - offsets[0]) {
            throw new BadHeaderException(
                    "%s of shape %s takes %s bytes, but data_offsets span %s %s"
                            .formatted(
                                    dtype,
                                    Arrays.toString(shape),
                                    bytes,
                                    offsets[1] - offsets[0],
                                    where));
        }
    }

    private static Dtype dtype(String name, String where) throws BadHeaderException {
        for (Dtype dtype : Dtype.values()) {
            if (dtype.name().equals(name)) {
                return dtype;
            }
        }
        throw new BadHeaderException(
                "dtype must be one of %s, not \"%s\" %s"
                        .formatted(Arrays.toString(Dtype.values()), name, where));
    }

    private static long[] readLongs(JsonReader in, String where)
            throws IOException, BadHeaderException {
        List<Long> values = new ArrayList<>();
        expect(in, JsonToken.BEGIN_ARRAY, where);
        in.beginArray();
        while (in.hasNext()) {
            if (values.size() == MOST_DIMENSIONS) {
                throw new BadHeaderException("more than " + MOST_DIMENSIONS + " numbers " + where);
            }
            expect(in, JsonToken.NUMBER, where);
            // as text, because nextLong() accepts 1e3 and 1.0
            String text = in.nextString();
            if (!text.matches("[0-9]{1,18}")) {
                throw new BadHeaderException(
                        "a number must be an integer from 0 to 10^18, not " + text + " " + where);
            }
            values.add(Long.parseLong(text));
        }
        in.endArray();
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    private static void expect(JsonReader in, JsonToken expected, String where)
            throws IOException, BadHeaderException {
        JsonToken received = in.peek();
        if (received != expected) {
            throw new BadHeaderException(
                    "expected %s, found %s %s".formatted(expected, received, where));
        }
    }

    /** Checks that the tensors, sorted by position, fill the data section without gaps. */
    private static void checkFilled(Map<String, TensorInfo> tensors, long dataBytes)
            throws BadHeaderException {
        List<TensorInfo> sorted = new ArrayList<>(tensors.values());
        sorted.sort(Comparator.comparingLong(TensorInfo::begin).thenComparing(TensorInfo::end));
        long at = 0;
        for (TensorInfo tensor : sorted) {
            if (tensor.begin() != at) {
                throw new BadHeaderException(
                        "tensor \"%s\" begins at %s, but the one before it ends at %s: %s"
                                .formatted(
                                        tensor.name(),
                                        tensor.begin(),
                                        at,
                                        tensor.begin() < at ? "an overlap" : "a hole"));
            }
            at = tensor.end();
        }
        if (at != dataBytes) {
            throw new BadHeaderException(
                    "the tensors take %s bytes, but the file has %s: it is truncated or damaged"
                            .formatted(at, dataBytes));
        }
    }

    /**
     * Returns the size of a tensor.
     *
     * @throws IllegalArgumentException if a length is negative or the size exceeds 2^63-1
     */
    static long bytes(Dtype dtype, long[] shape) {
        long bytes = dtype.bytes();
        boolean empty = false;
        for (long length : shape) {
            if (length < 0) {
                throw new IllegalArgumentException(
                        "no dimension may be negative, shape " + Arrays.toString(shape));
            }
            empty |= length == 0;
            try {
                bytes = Math.multiplyExact(bytes, Math.max(length, 1));
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        "the size overflows, shape " + Arrays.toString(shape), e);
            }
        }
        return empty ? 0 : bytes;
    }

    /** Returns the header's bytes, padded with spaces to a multiple of 8. */
    byte[] toBytes() throws IOException {
        StringWriter text = new StringWriter();
        try (JsonWriter out = new JsonWriter(text)) {
            out.setHtmlSafe(false);
            out.beginObject();
            if (!metadata.isEmpty()) {
                out.name(METADATA).beginObject();
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    out.name(entry.getKey()).value(entry.getValue());
                }
                out.endObject();
            }
            for (TensorInfo tensor : tensors.values()) {
                out.name(tensor.name()).beginObject();
                out.name("dtype").value(tensor.dtype().name());
                out.name("shape").beginArray();
                for (long length : tensor.shape()) {
                    out.value(length);
                }
                out.endArray();
                out.name("data_offsets").beginArray();
                out.value(tensor.begin()).value(tensor.end()).endArray();
                out.endObject();
            }
            out.endObject();
        }
        byte[] json = text.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }
}
