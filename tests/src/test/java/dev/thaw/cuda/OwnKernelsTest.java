package dev.thaw.cuda;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Sequential;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An op whose kernels are a user's: tests/src/test/cuda/cube.cu. */
class OwnKernelsTest {
  private static final Path FILE = Needs.home().resolve("tests/src/test/cuda/cube.cu");
  private static final float A = 0.5f;

  private final CudaBackend card = OnACard.backend();
  private final long before = card.pool().liveBytes();
  private final Device.Use use = card.device().use();
  private final Scope scope = Scope.open();
  private OwnKernels own;

  OwnKernelsTest() throws Exception {
    own = OwnKernels.compile(card.device(), FILE);
  }

  @BeforeEach
  void nothingYet() {
    assertEquals(before, card.pool().liveBytes());
  }

  @AfterEach
  void nothingLeft() {
    own.close();
    scope.close();
    use.close();
    assertEquals(before, card.pool().liveBytes());
  }

  /** y = a x³; dx = dy · 3 a x². */
  private Tensor cube(Tensor x) {
    long n = x.shape().elements();
    Tensor y = Tensor.zeros(x.shape().dims());
    own.launch("cube_forward", n, y.buffer(), x.buffer(), n, A);
    return y.madeBy(
        "cube",
        wrt(
            x,
            reads(x),
            dy -> {
              Tensor dx = Tensor.zeros(dy.shape().dims());
              own.launch("cube_backward", n, dx.buffer(), dy.buffer(), x.buffer(), n, A);
              return dx;
            }));
  }

  @Test
  void valueAndGradient() {
    Tensor x = Tensor.of(new float[] {-2, 0, 1, 3, 0.5f}, 5).requiresGrad(true);
    Tensor y = cube(x);
    assertArrayEquals(new float[] {-4, 0, 0.5f, 13.5f, 0.0625f}, y.toFloats());
    y.sum().backward();
    assertArrayEquals(
        new float[] {6, 0, 1.5f, 13.5f, 0.375f},
        java.util.Objects.requireNonNull(x.grad()).toFloats());
  }

  @Test
  void aStepWithItIsNotReplayed() {
    Tensor x = Tensor.ones(3).requiresGrad(true);
    TrainingPlan.Outcome outcome =
        TrainingPlan.record(card, new Sequential(), () -> cube(x.mul(2)).sum().backward());
    assertEquals(null, outcome.plan());
    assertTrue(
        String.valueOf(outcome.obstacle()).startsWith("not plannable at the kernel cube_forward"),
        outcome.obstacle());
  }

  @Test
  void saysWhatIsWrong() {
    Tensor x = Tensor.ones(3);
    IllegalArgumentException shorts =
        assertThrows(
            IllegalArgumentException.class,
            () -> own.launch("cube_forward", 3, x.buffer(), x.buffer(), (short) 3, A));
    assertEquals(
        "cube_forward: argument 3 is a Short; Buffer, null, Integer, Long, Float and Double can be"
            + " passed",
        shorts.getMessage());
    IllegalStateException unknown =
        assertThrows(IllegalStateException.class, () -> own.launch("cubed", 3, x.buffer()));
    assertEquals("cube.cu: no kernel is named cubed", unknown.getMessage());
    try (var plain = Device.of("plain").use()) {
      Tensor elsewhere = Tensor.ones(3);
      IllegalArgumentException foreign =
          assertThrows(
              IllegalArgumentException.class,
              () -> own.launch("cube_forward", 3, elsewhere.buffer(), x.buffer(), 3L, A));
      assertEquals(
          "cube_forward: argument 1 is on plain, the kernel on " + card.device(),
          foreign.getMessage());
    }
    assertThrows(
        IllegalArgumentException.class, () -> OwnKernels.compile(Device.of("plain"), FILE));
  }

  private String refused(@Nullable Object... arguments) {
    return String.valueOf(
        assertThrows(IllegalArgumentException.class, () -> own.launch("cube_forward", 3, arguments))
            .getMessage());
  }

  /** The driver would take them, and the kernel read whatever lies there. */
  @Test
  void argumentsThatAreNotTheKernels() {
    Tensor x = Tensor.ones(3);
    Tensor y = Tensor.zeros(3);
    String takes = "cube_forward: the kernel takes 8 + 8 + 8 + 4 bytes of arguments, found ";
    String types = "; Integer is int, Long is long long, Float is float, Double is double";
    String buffers = "[Buffer, Buffer";
    assertEquals(takes + "8 + 8 bytes: " + buffers + "]" + types, refused(y.buffer(), x.buffer()));
    assertEquals(
        takes + "8 + 8 + 8 + 4 + 4 bytes: " + buffers + ", Long, Float, Integer]" + types,
        refused(y.buffer(), x.buffer(), 3L, A, 1));
    assertEquals(
        takes + "8 + 8 + 4 + 4 bytes: " + buffers + ", Integer, Float]" + types,
        refused(y.buffer(), x.buffer(), 3, A));
    assertEquals(
        takes + "8 + 8 + 8 + 8 bytes: " + buffers + ", Long, Double]" + types,
        refused(y.buffer(), x.buffer(), 3L, 0.5));
    assertEquals(
        takes + "8 + 8 + 8 + 8 bytes: " + buffers + ", Long, null]" + types,
        refused(y.buffer(), x.buffer(), 3L, null));
    assertEquals(takes + "no bytes: []" + types, refused());
    own.launch("cube_forward", 3, y.buffer(), x.buffer(), 3L, A);
    assertArrayEquals(new float[] {A, A, A}, y.toFloats());
  }

  @Test
  void closedOnesAreNotLaunched() throws Exception {
    Tensor x = Tensor.ones(3);
    OwnKernels others = OwnKernels.compile(card.device(), FILE);
    others.launch("cube_forward", 3, x.buffer(), x.buffer(), 3L, A);
    others.close();
    others.close();
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class,
            () -> others.launch("cube_forward", 3, x.buffer(), x.buffer(), 3L, A));
    assertEquals("own kernels: those of cube.cu are closed", e.getMessage());
    own.launch("cube_forward", 3, x.buffer(), x.buffer(), 3L, A);
    assertEquals(3 * Math.pow(A, 4), x.sum().item());
  }

  @Test
  void whatIsNoFile() {
    for (Path path : new Path[] {Path.of("/"), FILE.getParent(), FILE.resolveSibling("no.cu")}) {
      NoSuchFileException e =
          assertThrows(NoSuchFileException.class, () -> OwnKernels.compile(card.device(), path));
      assertEquals("own kernels: " + path + " is no file; name a .cu file", e.getMessage());
    }
  }

  @Test
  void asManyBlocksAsAreAskedFor() {
    float[] twos = new float[1000];
    Arrays.fill(twos, 2);
    Tensor x = Tensor.of(twos, 1000);
    Tensor y = Tensor.zeros(1000);
    own.launchBlocks("cube_forward", 0, y.buffer(), x.buffer(), 1000L, 1f);
    assertEquals(0, y.sum().item());
    // Fewer than there are elements for: the kernel walks.
    own.launchBlocks("cube_forward", 1, y.buffer(), x.buffer(), 1000L, 1f);
    assertEquals(8000, y.sum().item());
    assertThrows(
        IllegalArgumentException.class,
        () -> own.launchBlocks("cube_forward", -1, y.buffer(), x.buffer(), 1000L, 1f));
    assertEquals(card.card().mostBlocks(), own.blocksThatFill());
  }

  @Test
  void timesWhatIsQueued() {
    Tensor x = Tensor.ones(1000);
    Tensor y = Tensor.zeros(1000);
    double ms =
        own.milliseconds(() -> own.launch("cube_forward", 1000, y.buffer(), x.buffer(), 1000L, A));
    assertTrue(ms >= 0, ms + " ms");
    assertEquals(500, y.sum().item());
  }

  @Test
  void emptyTensors() {
    assertEquals(Shape.of(0), cube(Tensor.zeros(0)).shape());
  }
}
