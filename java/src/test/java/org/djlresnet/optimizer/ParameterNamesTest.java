package org.djlresnet.optimizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.djlresnet.model.Models;
import org.djlresnet.model.StateDict;
import org.djlresnet.recipe.SettingException;
import org.junit.jupiter.api.Test;

class ParameterNamesTest {

    private static final Map<String, Parameter> RESNET =
            StateDict.of(Models.get("cifar-resnet20").build(10));

    private static Set<String> select(String name) {
        return ParameterNames.select("freeze", name, RESNET);
    }

    @Test
    void beginningsEndAtDots() {
        assertEquals(Set.of("fc.weight", "fc.bias"), select("fc"));
        assertEquals(Set.of("fc.bias"), select("fc.bias"));
        assertTrue(select("layer1").stream().allMatch(name -> name.startsWith("layer1.")));
        assertThrows(SettingException.class, () -> select("layer"));
    }

    @Test
    void kindsFollowTheLayers() {
        assertEquals(Set.of("fc.weight", "fc.bias"), select("head"));
        assertTrue(select("body").stream().noneMatch(name -> name.startsWith("fc.")));
        assertEquals(RESNET.size() - 2, select("body").size());
        assertEquals(
                List.of(
                        "conv1.weight",
                        "bn1.weight",
                        "bn1.bias",
                        "bn1.running_mean",
                        "bn1.running_var"),
                List.copyOf(select("stem")));
        // 19 convolutions and the last layer, 19 normalizations
        assertEquals(20, select("weight").size());
        assertEquals(20, select("bias").size());
        assertEquals(4 * 19, select("norm").size());
        assertTrue(select("norm").contains("layer1.0.bn1.weight"));
    }

    @Test
    void scaleOfALikelihoodBelongsToNoLayer() {
        Models.Model model = Models.get("vae-small");
        Map<String, Parameter> vae = StateDict.of(model.build(model.output()));
        String scale = "likelihood.log_scale";
        assertTrue(vae.containsKey(scale));
        Set<String> head = ParameterNames.select("freeze", "head", vae);
        assertTrue(head.stream().allMatch(name -> name.startsWith("decoder.")), head.toString());
        for (String name : List.of("head", "body", "norm", "weight", "bias")) {
            assertFalse(ParameterNames.select("freeze", name, vae).contains(scale), name);
        }
        assertEquals(Set.of(scale), ParameterNames.select("freeze", "likelihood", vae));
    }

    @Test
    void parametersBeforeNumberedBlocksAreTheStem() {
        Map<String, Parameter> plain = new LinkedHashMap<>(RESNET);
        plain.keySet().removeIf(name -> name.startsWith("layer"));
        assertThrows(SettingException.class, () -> ParameterNames.select("freeze", "stem", plain));
    }
}
