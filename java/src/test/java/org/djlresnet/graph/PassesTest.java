package org.djlresnet.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.djlresnet.engine.Precision;
import org.djlresnet.graph.Operation.Add;
import org.djlresnet.graph.Operation.BatchNorm;
import org.djlresnet.graph.Operation.Cast;
import org.djlresnet.graph.Operation.Convolution;
import org.djlresnet.graph.Operation.Fused;
import org.djlresnet.graph.Operation.Fused.Activation;
import org.djlresnet.graph.Operation.Gelu;
import org.djlresnet.graph.Operation.GlobalAveragePool;
import org.djlresnet.graph.Operation.GlobalMaxPool;
import org.djlresnet.graph.Operation.Linear;
import org.djlresnet.graph.Operation.MapMatrix;
import org.djlresnet.graph.Operation.MapProduct;
import org.djlresnet.graph.Operation.MaxPool;
import org.djlresnet.graph.Operation.PadMap;
import org.djlresnet.graph.Operation.Relu;
import org.djlresnet.graph.Operation.TransposedConvolution;
import org.djlresnet.graph.Window.Pair;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests each pass on a small graph; ProgramPassTest and InferenceTest check their results. */
class PassesTest {

    private static Value value(String name) {
        return new Value(name);
    }

    private static Convolution convolution(String output, String input, Window window) {
        return new Convolution(
                value(output), value(input), value(output + ".weight"), null, window, 1);
    }

    private static Convolution convolution(String output, String input) {
        return convolution(output, input, Window.square(3, 1, 1));
    }

    private static BatchNorm norm(String output, String input) {
        return new BatchNorm(
                value(output),
                value(input),
                value(output + ".weight"),
                value(output + ".bias"),
                value(output + ".mean"),
                value(output + ".variance"),
                0.9,
                1e-5);
    }

    private static Relu relu(String output, String input) {
        return new Relu(value(output), value(input), false);
    }

    private static Gelu gelu(String output, String input) {
        return new Gelu(value(output), value(input));
    }

    private static Add sum(String output, String branch, String shortcut) {
        return new Add(value(output), value(branch), value(shortcut), "block", false);
    }

    private static MaxPool pool(String output, String input) {
        return new MaxPool(value(output), value(input), Window.square(3, 2, 1));
    }

    /** A graph from x to the last operation's output. */
    private static Graph graph(Operation... operations) {
        Value output = operations[operations.length - 1].output();
        return new Graph(List.of(value("x")), List.of(output), List.of(operations));
    }

    /** A stem and a residual block: x → s, a → b → sum(b, s) → out. */
    private static final Graph BLOCK =
            graph(
                    convolution("stem", "x"),
                    relu("s", "stem"),
                    convolution("a", "s"),
                    norm("b", "a"),
                    sum("sum", "b", "s"),
                    relu("out", "sum"));

    private static List<String> outputs(Graph graph) {
        return graph.operations().stream().map(operation -> operation.output().name()).toList();
    }

    @Test
    void poolsBeforeReluIfNothingElseReadsIt() {
        Graph moved =
                Passes.poolBeforeRelu(
                        graph(convolution("a", "x"), relu("r", "a"), pool("out", "r")));
        MaxPool pool = assertInstanceOf(MaxPool.class, moved.operations().get(1));
        Relu relu = assertInstanceOf(Relu.class, moved.operations().get(2));
        assertEquals(value("a"), pool.input());
        assertEquals(pool.output(), relu.input());
        assertEquals(value("out"), moved.outputs().get(0));
        assertEquals(moved.outputs().get(0), relu.output());
        Graph read = graph(relu("r", "x"), pool("p", "r"), sum("out", "p", "r"));
        assertEquals(read, Passes.poolBeforeRelu(read));
        // a GELU falls and rises, so the order matters
        Graph gelu = graph(gelu("g", "x"), pool("out", "g"));
        assertEquals(gelu, Passes.poolBeforeRelu(gelu));
    }

    @ParameterizedTest
    @CsvSource({
        // kernel, stride, padding, height, width, whether every position sees the whole map
        "3, 1, 1, 1, 1, true",
        "3, 1, 1, 2, 2, true",
        "3, 2, 1, 2, 1, true",
        "5, 1, 2, 2, 2, true",
        "3, 1, 1, 3, 1, false",
        "3, 2, 1, 1, 3, false",
        "3, 1, 0, 3, 3, false",
        "2, 1, 1, 2, 2, false",
        "1, 1, 0, 1, 1, false",
    })
    void multipliesMapsThatEveryPositionSees(
            int kernel, int stride, int padding, int height, int width, boolean product) {
        Window window = Window.square(kernel, stride, padding);
        Graph convolution = graph(convolution("out", "x", window));
        Graph found = Passes.mapProducts(convolution, new Pair(height, width));
        if (!product) {
            assertEquals(convolution, found);
            return;
        }
        MapMatrix matrix = assertInstanceOf(MapMatrix.class, found.operations().get(0));
        MapProduct multiplied = assertInstanceOf(MapProduct.class, found.operations().get(1));
        assertEquals(value("out.weight"), matrix.weight());
        assertEquals(matrix.output(), multiplied.matrix());
        assertEquals(value("out"), multiplied.output());
        assertEquals(window.over(new Pair(height, width)), multiplied.result());
    }

    @Test
    void keepsGroupsAndInfersSizes() {
        Window window = Window.square(3, 2, 1);
        Convolution grouped = new Convolution(value("b"), value("a"), value("w"), null, window, 2);
        // 4×4 → 2×2, where only groups prevent a product
        Graph graph = graph(convolution("a", "x", window), grouped);
        assertEquals(graph, Passes.mapProducts(graph, Pair.square(4)));
        Graph whole = graph(convolution("a", "x", window), convolution("b", "a", window));
        assertEquals(
                List.of("a", "b.weight.matrix", "b"),
                outputs(Passes.mapProducts(whole, Pair.square(4))));
    }

    @Test
    void castsConvolutionsAndKeepsStatisticsAndLogits() {
        Graph graph =
                graph(
                        convolution("a", "x"),
                        norm("b", "a"),
                        new GlobalAveragePool(value("pool"), value("b")),
                        new Linear(value("out"), value("pool"), value("fc"), null));
        assertSame(graph, Passes.precision(graph, Precision.FLOAT32));
        Graph cast = Passes.precision(graph, Precision.BFLOAT16);
        List<Cast> casts =
                cast.operations().stream()
                        .filter(Cast.class::isInstance)
                        .map(Cast.class::cast)
                        .toList();
        assertEquals(
                List.of("x", "a.weight", "b"),
                casts.stream().map(operation -> operation.input().name()).toList());
        assertEquals(
                List.of(Precision.BFLOAT16, Precision.BFLOAT16, Precision.FLOAT32),
                casts.stream().map(Cast::precision).toList());
        assertEquals(
                List.of(casts.get(0).output(), casts.get(1).output()),
                cast.producers().get(value("a")).operands());
        // the parameters of the normalization and of the last layer are read as they are
        assertEquals(graph.producers().get(value("b")), cast.producers().get(value("b")));
        assertEquals(graph.producers().get(value("out")), cast.producers().get(value("out")));
        assertEquals(
                List.of(casts.get(2).output()), cast.producers().get(value("pool")).operands());
    }

    @Test
    void fusesWhatAloneFollowsAConvolution() {
        Graph fused = Passes.fuse(BLOCK);
        assertEquals(List.of("s", "out"), outputs(fused));
        Fused block = assertInstanceOf(Fused.class, fused.operations().get(1));
        assertEquals(value("b"), block.norm().output());
        assertEquals(value("s"), block.added());
        assertEquals(Activation.RELU, block.activation());
        assertEquals(
                List.of("s", "a.weight", "b.weight", "b.bias", "b.mean", "b.variance", "s"),
                block.operands().stream().map(Value::name).toList());
        // a is read twice, so the normalization stays
        Graph read = graph(convolution("a", "x"), norm("b", "a"), sum("out", "b", "a"));
        assertEquals(List.of("a", "b", "out"), outputs(Passes.fuse(read)));
    }

    @ParameterizedTest
    @CsvSource({
        // height, width, the rows and columns of zeros after the map, or none
        "7, 7, 0, 0, true",
        "15, 8, 0, 1, false",
        "7, 8, 0, 1, true",
        "8, 8, 1, 1, false",
        "31, 31, 0, 0, false",
    })
    void computesNothingThatPoolingLeavesOut(
            int height, int width, int rows, int columns, boolean cropped) {
        MaxPool pool = new MaxPool(value("out"), value("a"), Window.square(2, 2, 0));
        Graph graph = graph(convolution("a", "x"), pool);
        Pair size = new Pair(height, width);
        Graph found = Passes.cropForPooling(graph, size);
        if (!cropped) {
            assertEquals(graph, found);
            return;
        }
        PadMap pad = assertInstanceOf(PadMap.class, found.operations().get(0));
        assertEquals(Pair.square(1), pad.before());
        assertEquals(new Pair(rows, columns), pad.after());
        Convolution convolution = assertInstanceOf(Convolution.class, found.operations().get(1));
        assertEquals(pad.output(), convolution.input());
        assertEquals(Window.square(3, 1, 0), convolution.window());
        assertEquals(
                new Pair(height / 2 * 2, width / 2 * 2),
                MapSizes.of(found, size).get(convolution.output()));
        assertEquals(
                MapSizes.of(graph, size).get(value("out")),
                MapSizes.of(found, size).get(value("out")));
        Graph read = graph(convolution("a", "x"), pool("p", "a"), sum("out", "p", "a"));
        assertEquals(read, Passes.cropForPooling(read, size));
    }

    @Test
    void castsMaximaAfterPooling() {
        Graph graph =
                graph(
                        convolution("a", "x"),
                        new GlobalMaxPool(value("pool"), value("a")),
                        new Linear(value("out"), value("pool"), value("fc"), null));
        Graph cast = Passes.precision(graph, Precision.BFLOAT16);
        Cast maxima = assertInstanceOf(Cast.class, cast.producers().get(value("pool")));
        assertEquals(Precision.FLOAT32, maxima.precision());
        GlobalMaxPool pool =
                assertInstanceOf(GlobalMaxPool.class, cast.producers().get(maxima.input()));
        assertEquals(value("a"), pool.input());
    }

    @Test
    void fusesGeluUnlessASumPrecedesIt() {
        Graph branch =
                graph(convolution("a", "x"), norm("b", "a"), gelu("g", "b"), sum("out", "g", "x"));
        Graph fused = Passes.fuse(branch);
        assertEquals(List.of("g", "out"), outputs(fused));
        Fused unit = assertInstanceOf(Fused.class, fused.operations().get(0));
        assertEquals(Activation.GELU, unit.activation());
        assertEquals(value("b"), unit.norm().output());
        // nothing reads the GELU's output but the sum
        assertEquals(List.of(value("g")), overwritten(Passes.inPlace(fused)));
        Graph after = graph(convolution("a", "x"), sum("s", "a", "x"), gelu("out", "s"));
        assertEquals(List.of("s", "out"), outputs(Passes.fuse(after)));
    }

    @Test
    void fusesATransposedConvolutionWithItsNormalization() {
        TransposedConvolution up =
                new TransposedConvolution(value("a"), value("x"), value("a.weight"), null, 3, 2);
        Graph fused = Passes.fuse(graph(up, norm("b", "a"), relu("out", "b")));
        assertEquals(List.of("out"), outputs(fused));
        Fused unit = assertInstanceOf(Fused.class, fused.operations().get(0));
        assertEquals(up, unit.product());
        assertEquals(value("b"), unit.norm().output());
        assertEquals(Activation.RELU, unit.activation());
        assertEquals(new Pair(14, 14), MapSizes.of(fused, Pair.square(7)).get(value("out")));
    }

    @Test
    void fusesASumOnceBothSidesAreKnown() {
        // the projection comes first, and cannot add a branch that follows it
        Graph fused =
                Passes.fuse(
                        graph(
                                convolution("projection", "x"),
                                convolution("a", "x"),
                                sum("out", "a", "projection")));
        assertEquals(List.of("projection", "out"), outputs(fused));
        assertEquals(
                value("projection"),
                assertInstanceOf(Fused.class, fused.operations().get(1)).added());
    }

    @Test
    void overwritesDeadValues() {
        Graph inPlace = Passes.inPlace(BLOCK);
        assertEquals(
                List.of("stem", "b", "sum"),
                overwritten(inPlace).stream().map(Value::name).toList());
    }

    @Test
    void overwritesNothingThatIsReadLater() {
        Graph graph =
                graph(
                        relu("input", "x"),
                        convolution("a", "input"),
                        relu("r", "a"),
                        // the gradient of a ReLU depends on its output, and a is read again
                        relu("again", "r"),
                        pool("p", "again"),
                        sum("sum", "p", "again"),
                        sum("out", "a", "sum"));
        assertEquals(
                List.of("p"),
                overwritten(Passes.inPlace(graph)).stream().map(Value::name).toList());
        for (Graph any : List.of(Passes.inPlace(BLOCK), Passes.inPlace(Passes.fuse(BLOCK)))) {
            Set<Value> gone = new HashSet<>();
            for (Operation operation : any.operations()) {
                operation.operands().forEach(value -> assertTrue(!gone.contains(value)));
                gone.addAll(overwritten(any.with(List.of(operation))));
            }
        }
    }

    private static List<Value> overwritten(Graph graph) {
        return graph.operations().stream()
                .flatMap(
                        operation -> {
                            Value[] values = new Value[1];
                            if (operation instanceof Relu r && r.inPlace()) {
                                values[0] = r.input();
                            } else if (operation instanceof Add a && a.inPlace()) {
                                values[0] = a.branch();
                            } else if (operation instanceof Fused f && f.inPlace()) {
                                values[0] = f.added();
                            }
                            return Arrays.stream(values).filter(value -> value != null);
                        })
                .toList();
    }
}
