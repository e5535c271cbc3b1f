package dev.thaw.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.memory.DType;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Arithmetic, products, reductions and layouts with all their gradients, over ops.safetensors: what
 * the plain backend, against which the op table holds all others, cannot say of itself.
 */
final class OpsAgainstPyTorchTest {
  private static final GoldenTensors FILE = GoldenTensors.read("ops.safetensors");
  private static final Map<String, Function<Tensor[], Tensor>> OPS = new LinkedHashMap<>();

  static {
    OPS.put("add", x -> x[0].add(x[1]));
    OPS.put("sub", x -> x[0].sub(x[1]));
    OPS.put("mul", x -> x[0].mul(x[1]));
    OPS.put("div", x -> x[0].div(x[1]));
    OPS.put("pow", x -> x[0].pow(x[1]));
    OPS.put("max", x -> x[0].max(x[1]));
    OPS.put("min", x -> x[0].min(x[1]));
    OPS.put("add-number", x -> x[0].add(0.75));
    OPS.put("div-number", x -> x[0].div(3));
    OPS.put("pow-number", x -> x[0].pow(3));
    OPS.put("exp", x -> x[0].exp());
    OPS.put("abs", x -> x[0].abs());
    OPS.put("square", x -> x[0].square());
    OPS.put("neg", x -> x[0].neg());
    OPS.put("log", x -> x[0].log());
    OPS.put("sqrt", x -> x[0].sqrt());
    OPS.put("rsqrt", x -> x[0].rsqrt());
    OPS.put("reciprocal", x -> x[0].reciprocal());
    OPS.put("clip", x -> x[0].clip(-0.5, 0.75));
    OPS.put("sum-all", x -> x[0].sum());
    OPS.put("sum-0-2", x -> x[0].sum(0, 2));
    OPS.put("mean-all", x -> x[0].mean());
    OPS.put("mean-1", x -> x[0].mean(1));
    OPS.put("max-0-2", x -> x[0].max(0, 2));
    OPS.put("min-1", x -> x[0].min(1));
    OPS.put("variance-all", x -> x[0].variance());
    OPS.put("variance-1-2", x -> x[0].variance(1, 2));
    OPS.put("norm-all", x -> x[0].norm());
    OPS.put("norm-0", x -> x[0].norm(0));
    OPS.put("argmax-1", x -> x[0].argmax(1));
    for (String matmul :
        List.of(
            "matmul",
            "matmul-batches",
            "matmul-shared",
            "matmul-first-shared",
            "matmul-one-against-many")) {
      OPS.put(matmul, x -> x[0].matmul(x[1]));
    }
    OPS.put("matmul-transposed", x -> x[0].transpose(0, 1).matmul(x[1].transpose(0, 1)));
    OPS.put("reshape", x -> x[0].reshape(6, 10));
    OPS.put("permute", x -> x[0].permute(2, 0, 1));
    OPS.put("transpose", x -> x[0].transpose(0, 2));
    OPS.put("slice", x -> x[0].slice(1, 1, 3));
    OPS.put("split", x -> exchanged(x[0].split(2, 1, 4)));
    OPS.put("concat", x -> Functional.concat(List.of(x), 1));
    OPS.put("pad", x -> Functional.pad(x[0], new int[] {0, 0, 1}, new int[] {0, 3, 2}, 1.5));
    OPS.put("expand", x -> x[0].expand(2, 3, 4));
    OPS.put("take", x -> Functional.take(x[0], x[1], 1));
    OPS.put("gather", x -> Functional.gather(x[0], 1, x[1]));
    OPS.put("entropy-smoothed", x -> entropy(x, null, 0.1, -100));
    OPS.put("entropy-ignored", x -> entropy(x, null, 0, 2));
    OPS.put("entropy-weighted", x -> entropy(x, x[2], 0.2, 1));
  }

  private static Tensor exchanged(List<Tensor> pieces) {
    List<Tensor> reversed = new ArrayList<>(pieces);
    Collections.reverse(reversed);
    return Functional.concat(reversed, 2);
  }

  private static Tensor entropy(
      Tensor[] x, @Nullable Tensor weights, double smoothing, long ignored) {
    CrossEntropyOptions options = new CrossEntropyOptions(smoothing, ignored);
    return Functional.crossEntropy(x[0], x[1], weights, options);
  }

  @Test
  void everyCaseOfTheFileIsRun() {
    Set<String> cases = new TreeSet<>();
    FILE.names().forEach(name -> cases.add(name.substring(0, name.indexOf('/'))));
    assertEquals(cases, new TreeSet<>(OPS.keySet()));
  }

  @OnEveryDevice
  void valuesAndGradientsArePyTorchs(Place place) {
    OPS.forEach(
        (name, op) -> {
          try (Scope scope = Scope.open()) {
            check(place, name, op);
          }
        });
  }

  private static void check(Place place, String name, Function<Tensor[], Tensor> op) {
    List<Tensor> operands = new ArrayList<>();
    while (FILE.has(name + "/x" + operands.size())) {
      String key = name + "/x" + operands.size();
      Tensor x = FILE.tensor(place, key);
      operands.add(x.requiresGrad(FILE.has(name + "/dx" + operands.size())));
    }
    Tensor y = op.apply(operands.toArray(new Tensor[0]));
    // The file gives a single number the shape [1].
    Shape shape = y.rank() == 0 ? Shape.of(1) : y.shape();
    assertEquals(FILE.array(name + "/y").shape(), shape, name);
    if (y.dtype() == DType.INT64) {
      assertArrayEquals(FILE.array(name + "/y").longs(), y.toLongs(), name);
      return;
    }
    Distance.LAYER.check(place, name, FILE.values(name + "/y"), y);
    y.backward(FILE.tensor(place, name + "/dy").reshape(y.shape().dims()));
    for (int i = 0; i < operands.size(); i++) {
      if (operands.get(i).requiresGrad()) {
        Tensor gradient = operands.get(i).grad();
        assertNotNull(gradient, name + ": no gradient of operand " + i);
        String what = name + ": gradient of operand " + i;
        double[] expected = FILE.values(name + "/dx" + i);
        Distance.LAYER.check(place, what, expected, Objects.requireNonNull(gradient));
      }
    }
  }
}
