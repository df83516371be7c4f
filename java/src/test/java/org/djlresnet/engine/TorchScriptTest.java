package org.djlresnet.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.junit.jupiter.api.Test;

class TorchScriptTest {

    private static final String TEXT =
            """
              def keep(self: __torch__.Program, x: Tensor) -> Tensor:
                # a comment
                self.kept = annotate(List[Tensor], [torch.clone(x)])
                return x
              def sums(self: __torch__.Program, x: Tensor, q: List[Tensor]) -> List[Tensor]:
                return [torch.add(x, q[0]), torch.add(q[1], self.kept[0])]
              def overwrite(self: __torch__.Program, x: Tensor) -> Tensor:
                return torch.add_(x, 1)
            """;

    @Test
    void callsMethodsWithArraysAndLists() {
        try (NDManager manager = NDManager.newBaseManager();
                TorchScript program = new TorchScript(manager, TEXT);
                NDManager scope = manager.newSubManager()) {
            NDArray x = scope.create(new float[] {1, 2});
            program.call("keep", new NDList(x)).close();
            NDArray arguments = scope.create(new float[] {10, 20});
            NDList all = new NDList(arguments);
            all.addAll(
                    TorchScript.list(
                            "q",
                            List.of(
                                    scope.create(new float[] {3, 4}),
                                    scope.create(new float[] {5, 6}))));
            int before = scope.getManagedArrays().size();
            NDList sums = program.call("sums", all);
            assertArrayEquals(new float[] {13, 24}, sums.get(0).toFloatArray());
            assertArrayEquals(new float[] {6, 8}, sums.get(1).toFloatArray());
            assertEquals(before + 2, scope.getManagedArrays().size());
            program.call("overwrite", new NDList(arguments)).close();
            assertArrayEquals(new float[] {11, 21}, arguments.toFloatArray());
        }
    }

    @Test
    void twoProgramsAreIndependentAndFreeTheirMemory() {
        try (NDManager manager = NDManager.newBaseManager()) {
            NDArray x = manager.create(new float[] {1, 2});
            int before = manager.getManagedArrays().size();
            try (TorchScript one = new TorchScript(manager, TEXT);
                    TorchScript two =
                            new TorchScript(manager, TEXT.replace("add_(x, 1)", "add_(x, 2)"))) {
                one.call("overwrite", new NDList(x)).close();
                two.call("overwrite", new NDList(x)).close();
                assertArrayEquals(new float[] {4, 5}, x.toFloatArray());
            }
            assertEquals(before, manager.getManagedArrays().size());
        }
    }

    @Test
    void errorsShowTheLine() {
        try (NDManager manager = NDManager.newBaseManager()) {
            IllegalStateException error =
                    assertThrows(
                            IllegalStateException.class,
                            () -> new TorchScript(manager, TEXT.replace("torch.add_", "torch.ad")));
            assertTrue(error.getCause().getMessage().contains("torch.ad("), error::toString);
        }
    }
}
