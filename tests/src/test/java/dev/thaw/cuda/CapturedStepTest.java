package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thaw.backend.Backend.Replay;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.TestBuffers;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A graph knows addresses: what lies there stays its own as long as it can be launched. */
final class CapturedStepTest {
  private final CudaBackend card = OnACard.backend();

  /** A sum in two stages, by way of the workspace, which others then outgrow. */
  @Test
  void theWorkspaceItKnowsStays() {
    int n = 1 << 16;
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    Workspace workspace = card.workspace();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer y = buffers.changing(0);
      Buffer x = buffers.of(ones);
      Runnable sum = () -> card.reduce().reduce(Reduction.SUM, y, x, 1, n, 1, 1);
      sum.run();
      long held;
      try (Replay replay = Objects.requireNonNull(card.capture(sum))) {
        long before = workspace.bytes();
        workspace.take(2 * before);
        workspace.give();
        held = workspace.bytes();
        assertTrue(held > 3 * before, "the block before is kept");
        card.unary().forward(Unary.AFFINE, y, y, 0, 0);
        replay.run();
        assertArrayEquals(new double[] {n}, buffers.read(y));
      }
      assertTrue(workspace.bytes() < held, "and given back when nobody knows it any more");
    }
  }

  /** Freed to the driver: the stand-in refuses the whole step before any of it runs. */
  @Test
  void anAddressThatIsStaleIsRefused() {
    assumeTrue(card.device().kind().equals("cuda-sim"), "a card would not notice");
    CudaStorage freed = CudaStorage.allocate(card.card(), 4096);
    long at = freed.address();
    Kernel kernel = card.kernels().get("relu_forward_f32");
    Runnable call =
        () -> {
          Arguments arguments = Arguments.empty().address(at).address(at).int64(8);
          card.card().launch(kernel, 1, arguments.float32(0).float32(0));
        };
    call.run();
    try (Replay replay = Objects.requireNonNull(card.capture(call))) {
      freed.free();
      CudaException e = assertThrows(CudaException.class, replay::run);
      String line = String.valueOf(e.getMessage());
      assertTrue(
          line.matches(
              "cuGraphLaunch on cuda-sim: .*kernel relu_forward_f32, argument 1 of 5: \\S+ is in no"
                  + " live allocation; it is 0 bytes into freed allocation .*"),
          line);
    }
  }

  /** An allocation say, which cannot be part of a graph: the same calls can be made one by one. */
  @Test
  void whatTheDriverRefusesToNoteIsNoReasonToEnd() {
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer y = buffers.output(4);
      Buffer x = buffers.of(1, 2, 3, 4);
      Runnable call = () -> card.unary().forward(Unary.SQUARE, y, x, 0, 0);
      Runnable refused =
          () -> {
            call.run();
            CudaStorage.allocate(card.card(), 4096).free();
          };
      refused.run();
      assertNull(card.capture(refused));
      // Neither this thread nor the card is left in that state.
      refused.run();
      assertArrayEquals(new double[] {1, 4, 9, 16}, buffers.read(y));
      try (Replay replay = Objects.requireNonNull(card.capture(call))) {
        card.unary().forward(Unary.NEG, y, x, 0, 0);
        replay.run();
        assertArrayEquals(new double[] {1, 4, 9, 16}, buffers.read(y));
      }
    }
  }

  /** Takes all that the pool has free, and fills it with {@code content}. */
  private List<Buffer> takeWhatIsFree(long largest, byte content) {
    List<Buffer> all = new ArrayList<>();
    // In steps that are finer than what the pool takes for a fit.
    for (long bytes = largest; bytes >= 64; bytes -= bytes / 6) {
      for (int i = 0; i < 3; i++) {
        Buffer buffer = card.pool().allocate(DType.UINT8, bytes, Purpose.WORKSPACE);
        card.upload(buffer, filled(buffer, content));
        all.add(buffer);
      }
    }
    return all;
  }

  private static ByteBuffer filled(Buffer buffer, byte content) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) buffer.bytes());
    while (bytes.hasRemaining()) {
      bytes.put(content);
    }
    return bytes.flip();
  }

  private void assertHolds(byte content, Buffer buffer) {
    ByteBuffer found = ByteBuffer.allocateDirect((int) buffer.bytes());
    card.download(found.duplicate(), buffer);
    assertEquals(filled(buffer, content), found, "others' " + buffer);
  }

  private static void step(Module model, Optimizer optimizer, Tensor x, Tensor y) {
    Functional.crossEntropy(model.call(x), y).backward();
    optimizer.step();
  }

  /** Weights after five steps, beside which others use the card's memory or not. */
  private List<float[]> weights(boolean others) {
    try (var on = card.device().use();
        var seeded = new Generator(5).use();
        Module model = Zoo.create("seed-cnn", Shape.of(1, 8, 8, 1), 4);
        Optimizer optimizer = new Sgd(model, 0.01, 0.9);
        Scope scope = Scope.open()) {
      model.train();
      Tensor x = Generator.current().normal(0, 1, 4, 8, 8, 1);
      Tensor y = Tensor.of(new long[] {0, 3, 1, 2});
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome =
          TrainingPlan.record(card, model, () -> step(model, optimizer, x, y));
      try (TrainingPlan plan = Objects.requireNonNull(outcome.plan(), outcome::obstacle)) {
        long largest = 2 * plan.arenaBytes();
        plan.run();
        assertTrue(plan.isCaptured());
        for (int i = 1; i < 5; i++) {
          byte content = (byte) i;
          List<Buffer> theirs = others ? takeWhatIsFree(largest, content) : List.of();
          plan.run();
          theirs.forEach(buffer -> assertHolds(content, buffer));
          theirs.forEach(Buffer::release);
        }
      }
      List<float[]> values = new ArrayList<>();
      model.parameters().values().forEach(p -> values.add(p.values()));
      return values;
    }
  }

  /** The step's memory is its own as long as the graph is: neither side writes the other's. */
  @Test
  void nothingOfAStepIsGivenToOthersMeanwhile() {
    List<float[]> expected = weights(false);
    List<float[]> found = weights(true);
    assertEquals(expected.size(), found.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), found.get(i), "parameter " + i);
    }
  }
}
