package dev.thaw.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which conversions move to a step's start, by hand and in nets. */
final class GatheredCastsTest {
  private final Backend plain = Devices.get("plain");
  private final List<Buffer> held = new ArrayList<>();
  private final Buffer weight = weight();
  private final Buffer bias = weight();

  private Buffer weight() {
    Buffer buffer = plain.pool().allocate(DType.FLOAT32, 6, Purpose.PARAMETERS);
    held.add(buffer);
    return buffer;
  }

  @AfterEach
  void release() {
    held.forEach(Buffer::release);
  }

  /** What lives in the step alone. */
  private Buffer inside() {
    Buffer buffer = plain.pool().allocate(DType.BFLOAT16, 6, Purpose.ACTIVATIONS);
    buffer.release();
    return buffer;
  }

  private static Call call(Class<?> family, String name, @Nullable Object... arguments) {
    return new Call(Call.method(family, name), arguments);
  }

  private static Call cast(Buffer y, Buffer x) {
    return call(IndexKernels.class, "cast", y, x);
  }

  private static Call update(SegmentTable table, Buffer state) {
    return call(UpdateKernels.class, "step", UpdateRule.SGD, table, state);
  }

  private List<Call> gathered(Call... calls) {
    Set<Buffer> learning = java.util.Collections.newSetFromMap(new IdentityHashMap<>());
    learning.addAll(List.of(weight, bias));
    return GatheredCasts.of(List.of(calls), learning::contains);
  }

  private static void assertAll(List<Buffer> ys, List<Buffer> xs, Call call) {
    assertTrue(call.is(IndexKernels.class, "castAll"), call.toString());
    assertArrayEquals(ys.toArray(), call.value(0, Buffer[].class));
    assertArrayEquals(xs.toArray(), call.value(1, Buffer[].class));
  }

  @Test
  void weightsAreRoundedTogetherAndEachOnce() {
    Buffer batch = weight();
    Buffer x = inside();
    Buffer w = inside();
    Buffer b = inside();
    Buffer again = inside();
    Call read = cast(batch, again);
    List<Call> calls =
        gathered(
            cast(x, batch),
            cast(w, weight),
            cast(batch, x),
            cast(b, bias),
            cast(again, weight),
            read);
    assertEquals(4, calls.size(), calls.toString());
    assertSame(x, calls.get(0).required(0), "no weight");
    assertAll(List.of(w, b), List.of(weight, bias), calls.get(1));
    assertSame(w, calls.get(3).required(1), "what read the other copy");
    KernelCall all = KernelCall.of(calls.get(1));
    assertEquals("index.castAll", all.name());
    assertEquals("2 copies, 12 bfloat16", all.sizes());
    assertEquals(2 * 6 * (4 + 2), all.bytes());
  }

  @Test
  void whatAStepHasMovedIsRoundedWhereItStands() {
    Buffer state = plain.pool().allocate(DType.FLOAT64, StepState.SLOTS, Purpose.OPTIMIZER);
    held.add(state);
    Segment segment = new Segment(weight, weight(), List.of(weight()), 0);
    try (SegmentTable table = plain.update().table(List.of(segment))) {
      Buffer before = inside();
      Buffer behind = inside();
      List<Call> calls = gathered(cast(before, weight), update(table, state), cast(behind, weight));
      assertEquals(3, calls.size(), calls.toString());
      assertAll(List.of(before), List.of(weight), calls.get(0));
      assertSame(behind, calls.get(2).required(0));
    }
    Call limit = call(UpdateKernels.class, "maxNorm", weight, 2, 3, 1.0);
    List<Call> calls = gathered(cast(inside(), bias), limit, cast(inside(), weight));
    assertEquals(3, calls.size(), calls.toString());
    assertAll(List.of(calls.get(0).writes().get(0)), List.of(bias), calls.get(0));
  }

  @Test
  void copiesThatOthersUseStayCallsOfTheirOwn() {
    Buffer kept = plain.pool().allocate(DType.BFLOAT16, 6, Purpose.ACTIVATIONS);
    held.add(kept);
    Buffer twice = inside();
    Call[] calls = {cast(kept, weight), cast(twice, weight), cast(twice, bias)};
    assertEquals(List.of(calls), gathered(calls));
  }

  static Stream<String> devices() {
    return Devices.available().stream().filter(kind -> Devices.get(kind).computes(DType.BFLOAT16));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aNetHasOneCallForAllItsWeights(String device) {
    Backend backend = Devices.get(device);
    Generator generator = new Generator(3);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = Zoo.create("resnet18", Shape.of(1, 16, 16, 3), 4);
        Optimizer optimizer = new Sgd(model, 1e-3, 0.9);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 2, 16, 16, 3).to(DType.BFLOAT16);
      Tensor y = Tensor.of(new int[] {1, 3}, 2);
      model.train();
      optimizer.zeroGrad();
      Recording recording = Recording.of(backend);
      try (recording;
          Scope step = Scope.open()) {
        Functional.crossEntropy(Precision.BF16.call(model, x), y).backward();
        optimizer.step();
      }
      List<Call> calls = GatheredCasts.of(recording.calls(), TrainingPlan.trained(model)::contains);
      Map<String, Integer> one = Call.count(calls);
      assertEquals(1, one.get("IndexKernels.castAll"), one.toString());
      // Twenty convolutions, a product and its bias.
      Map<String, Integer> each = Call.count(recording.calls());
      int left = one.getOrDefault("IndexKernels.cast", 0);
      assertEquals(22, each.getOrDefault("IndexKernels.cast", 0) - left, each.toString());
      long copies =
          calls.stream()
              .filter(call -> call.is(IndexKernels.class, "castAll"))
              .flatMap(call -> call.writes().stream())
              .mapToLong(Buffer::bytes)
              .sum();
      long before = arenaBytes(backend, recording.calls());
      long after = arenaBytes(backend, calls);
      assertTrue(after <= before + copies, after + " bytes, " + before + " without");
    }
  }

  private static long arenaBytes(Backend backend, List<Call> calls) {
    Arena arena = new Arena(backend, calls, List.of(), new IdentityHashMap<>());
    arena.release();
    return arena.bytes();
  }
}
