package org.djlresnet.checkpoint;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.Strictness;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.djlresnet.UserException;

/**
 * The JSON header of a safetensors file.
 *
 * <p>Source: <a href="https://github.com/huggingface/safetensors">the format's description</a>.
 *
 * @param metadata strings by key
 * @param tensors the tensors by name; both in the order of the header
 */
record SafetensorsHeader(Map<String, String> metadata, Map<String, TensorInfo> tensors) {

    private static final String METADATA = "__metadata__";

    private static final Gson GSON =
            new GsonBuilder().setStrictness(Strictness.STRICT).disableHtmlEscaping().create();

    /**
     * Parses and checks a header.
     *
     * @param json the header's text
     * @param dataBytes the length of the data section, which the tensors must fill exactly
     * @throws UserException if a tensor does not fit its place or the file; without the file's name
     * @throws RuntimeException if the text is not such a header
     */
    static SafetensorsHeader parse(String json, long dataBytes) {
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        long end = 0;
        long total = 0;
        for (Map.Entry<String, JsonElement> entry :
                GSON.fromJson(json, JsonObject.class).entrySet()) {
            JsonObject value = entry.getValue().getAsJsonObject();
            if (entry.getKey().equals(METADATA)) {
                value.entrySet()
                        .forEach(
                                pair -> metadata.put(pair.getKey(), pair.getValue().getAsString()));
            } else {
                TensorInfo tensor = tensor(entry.getKey(), value);
                tensors.put(tensor.name(), tensor);
                end = Math.max(end, tensor.end());
                total += tensor.end() - tensor.begin();
            }
        }
        if (total != dataBytes || end > dataBytes) {
            throw new UserException(
                    "the tensors take %s bytes, but the file has %s: it is truncated or damaged"
                            .formatted(Math.max(end, total), dataBytes));
        }
        return new SafetensorsHeader(metadata, tensors);
    }

    private static TensorInfo tensor(String name, JsonObject entry) {
        String type = entry.get("dtype").getAsString();
        Dtype dtype =
                Arrays.stream(Dtype.values())
                        .filter(known -> known.name().equals(type))
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        new UserException(
                                                "unsupported dtype of tensor \"%s\". Received: %s. Allowed: %s"
                                                        .formatted(
                                                                name,
                                                                type,
                                                                Arrays.toString(Dtype.values()))));
        long[] shape = GSON.fromJson(entry.get("shape"), long[].class);
        long[] offsets = GSON.fromJson(entry.get("data_offsets"), long[].class);
        long bytes = bytes(dtype, shape);
        if (offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes) {
            throw new UserException(
                    "tensor \"%s\", %s %s, takes %s bytes, but its data_offsets are %s"
                            .formatted(
                                    name,
                                    dtype,
                                    Arrays.toString(shape),
                                    bytes,
                                    Arrays.toString(offsets)));
        }
        return new TensorInfo(name, dtype, shape, offsets[0], offsets[1]);
    }

    /**
     * Returns the size of a tensor.
     *
     * @throws ArithmeticException if a length is negative or the size exceeds 2^63-1
     */
    static long bytes(Dtype dtype, long[] shape) {
        long bytes = dtype.bytes();
        for (long length : shape) {
            if (length < 0) {
                throw new ArithmeticException("negative length");
            }
            bytes = Math.multiplyExact(bytes, length);
        }
        return bytes;
    }

    /** Returns the header's bytes, padded with spaces to a multiple of 8. */
    byte[] toBytes() {
        JsonObject header = new JsonObject();
        header.add(METADATA, GSON.toJsonTree(metadata));
        for (TensorInfo tensor : tensors.values()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("dtype", tensor.dtype().name());
            entry.add("shape", GSON.toJsonTree(tensor.shape()));
            entry.add("data_offsets", GSON.toJsonTree(new long[] {tensor.begin(), tensor.end()}));
            header.add(tensor.name(), entry);
        }
        byte[] json = GSON.toJson(header).getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(json, (json.length + 7) / 8 * 8);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return padded;
    }
}
