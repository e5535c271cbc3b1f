package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.OutOfBounds;
import dev.thaw.memory.Purpose;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The watcher is watched: kernels that misbehave on purpose. */
final class GuardedBackendTest {
  private static final Backend PLAIN = Devices.get("plain");

  /** What a broken unary kernel does with the buffers it is given. */
  private interface Kernel {
    void run(Buffer y, Buffer x);
  }

  /** Plain, but for one unary kernel. */
  private static Backend with(Kernel kernel) {
    UnaryKernels unary =
        new UnaryKernels() {
          @Override
          public void forward(Unary f, @Writes Buffer y, Buffer x, double a, double b) {
            kernel.run(y, x);
          }

          @Override
          public void backward(
              Unary f, @Writes Buffer dx, Buffer dy, Buffer saved, double a, double b) {
            throw new UnsupportedOperationException("backward");
          }
        };
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("unary")) {
                return unary;
              }
              try {
                method.setAccessible(true);
                return method.invoke(PLAIN, arguments);
              } catch (InvocationTargetException e) {
                throw e.getTargetException();
              }
            });
  }

  private static float[] read(Buffer x) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) x.bytes()).order(ByteOrder.nativeOrder());
    PLAIN.download(bytes, x);
    float[] values = new float[(int) x.elements()];
    bytes.asFloatBuffer().get(values);
    return values;
  }

  private static void write(Buffer x, float... values) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) x.bytes()).order(ByteOrder.nativeOrder());
    bytes.asFloatBuffer().put(values);
    PLAIN.upload(x, bytes);
  }

  /** Calls relu between guards on {1, −2, 3} and hands the result to {@code then}. */
  private static void call(Kernel kernel, Consumer<float[]> then) {
    long live = PLAIN.pool().liveBytes();
    Buffer x = PLAIN.pool().allocate(DType.FLOAT32, 3, Purpose.ACTIVATIONS);
    Buffer y = PLAIN.pool().allocate(DType.FLOAT32, 3, Purpose.ACTIVATIONS);
    try {
      write(x, 1, -2, 3);
      write(y, 7, 7, 7);
      GuardedBackend.around(with(kernel)).unary().forward(Unary.RELU, y, x, 0, 0);
      then.accept(read(y));
    } finally {
      x.release();
      y.release();
    }
    assertEquals(live, PLAIN.pool().liveBytes(), "bytes that are still held");
  }

  private static String complaint(Kernel kernel) {
    return String.valueOf(
        assertThrows(AssertionError.class, () -> call(kernel, y -> {})).getMessage());
  }

  @Test
  void aGoodKernelPasses() {
    call(
        (y, x) -> PLAIN.unary().forward(Unary.RELU, y, x, 0, 0),
        y -> assertArrayEquals(new float[] {1, 0, 3}, y));
  }

  @Test
  void writingBehindTheEndIsSeen() {
    String message = complaint((y, x) -> PLAIN.index().fill(OutOfBounds.around(y, 0, 1), 5));
    assertTrue(
        message.contains("wrote behind the end of argument 1") && message.contains("12 bytes"),
        message);
  }

  @Test
  void writingBeforeTheStartIsSeen() {
    String message = complaint((y, x) -> PLAIN.index().fill(OutOfBounds.around(y, 1, 0), 5));
    assertTrue(message.contains("wrote before argument 1"), message);
  }

  @Test
  void writingIntoAnInputIsSeen() {
    String message = complaint((y, x) -> PLAIN.index().fill(x, 5));
    assertTrue(message.contains("wrote inside the input argument 2"), message);
  }

  @Test
  void whatIsLeftUnwrittenIsNoNumber() {
    call(
        (y, x) -> {
          Buffer part = y.slice(0, 2);
          PLAIN.index().fill(part, 5);
          part.release();
        },
        y -> assertArrayEquals(new float[] {5, 5, Float.NaN}, y));
  }

  @Test
  void readingBehindTheEndBringsNoNumber() {
    call(
        (y, x) -> PLAIN.unary().forward(Unary.RELU, y, OutOfBounds.around(x, -1, 1), 0, 0),
        y -> assertArrayEquals(new float[] {0, 3, Float.NaN}, y));
  }

  @Test
  void oneBufferAsInputAndOutputStaysOne() {
    Buffer x = PLAIN.pool().allocate(DType.FLOAT32, 3, Purpose.ACTIVATIONS);
    write(x, 1, -2, 3);
    GuardedBackend.around(PLAIN).unary().forward(Unary.NEG, x, x, 0, 0);
    assertArrayEquals(new float[] {-1, 2, -3}, read(x));
    x.release();
  }

  @Test
  void walksKeepWhatTheyDoNotReach() {
    Buffer x = PLAIN.pool().allocate(DType.FLOAT32, 1, Purpose.ACTIVATIONS);
    Buffer y = PLAIN.pool().allocate(DType.FLOAT32, 3, Purpose.ACTIVATIONS);
    write(x, 9);
    write(y, 1, 2, 3);
    Strided to = new Strided(1, new int[] {1});
    Strided from = new Strided(0, new int[] {1});
    GuardedBackend.around(PLAIN).index().copy(y, to, x, from, new int[] {1});
    assertArrayEquals(new float[] {1, 9, 3}, read(y));
    x.release();
    y.release();
  }
}
