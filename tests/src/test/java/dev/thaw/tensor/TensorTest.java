package dev.thaw.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnPlain;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Purpose;
import java.io.StringReader;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/** Making tensors, looking at them, moving them. */
@ExtendWith(OnPlain.class)
final class TensorTest {
  private static final double NAN = Double.NaN;

  @Test
  void valuesGoInAndComeOut() {
    assertArrayEquals(new float[] {1, 2.5f}, Tensor.of(new float[] {1, 2.5f}, 2).toFloats());
    assertArrayEquals(new double[] {1, 1e-300}, Tensor.of(new double[] {1, 1e-300}).toDoubles());
    long[] large = {Long.MAX_VALUE, Long.MIN_VALUE, (1L << 53) + 1};
    assertArrayEquals(large, Tensor.of(large).toLongs());
    assertArrayEquals(new long[] {7, -8}, Tensor.of(new int[] {7, -8}).toLongs());
    byte[] bytes = {0, 127, (byte) 128, (byte) 255};
    assertArrayEquals(new long[] {0, 127, 128, 255}, Tensor.of(bytes).toLongs());
    assertArrayEquals(new float[] {0, 127, 128, 255}, Tensor.of(bytes).toFloats());
    assertArrayEquals(new long[] {1, -1}, Tensor.of(new float[] {1.9f, -1.9f}).toLongs());
  }

  @Test
  void constantsHaveTheirShape() {
    assertEquals(Shape.of(), Tensor.scalar(3).shape());
    assertEquals(3, Tensor.scalar(3).item());
    assertArrayEquals(new float[] {2, 2, 2, 2}, Tensor.full(2, 2, 2).toFloats());
    assertEquals(0, Tensor.zeros(3, 0).shape().elements());
    assertEquals(Shape.of(2, 3), Tensor.ones(2, 3).shape());
    assertEquals(DType.FLOAT32, Tensor.ones(2, 3).dtype());
    assertEquals(3, Tensor.ones(2, 3).dim(-1));
  }

  @Test
  void aTensorDescribesItself() {
    assertEquals(
        "float32 [2, 2] on plain, -1 to 2.5",
        rounded(Tensor.of(new float[] {0, -1, 2.5f, 1}, 2, 2)));
    assertEquals(
        "float64 [3] on plain, 1 to 1, 2 of 3 not finite",
        rounded(Tensor.of(new double[] {NAN, 1, Double.POSITIVE_INFINITY})));
    assertEquals(
        "float64 [2] on plain, 2 of 2 not finite", rounded(Tensor.of(new double[] {NAN, NAN})));
    assertEquals("float32 [0] on plain", rounded(Tensor.zeros(0)));
    Tensor closed = Tensor.zeros(2);
    closed.close();
    assertEquals("float32 [2] on plain, closed", closed.toString());
  }

  /** Without trailing zeros, which say nothing. */
  private static String rounded(Tensor x) {
    return x.toString().replaceAll("\\.0*(?=\\D|$)", "").replaceAll("(\\.\\d*?)0+(?=\\D|$)", "$1");
  }

  @Test
  void aClosedTensorIsNotRead() {
    Tensor x = Tensor.ones(4);
    x.close();
    assertTrue(
        String.valueOf(assertThrows(IllegalStateException.class, x::toFloats).getMessage())
            .startsWith("buffer of 16 bytes on plain is closed"));
    assertThrows(IllegalStateException.class, () -> x.add(1));
  }

  @Test
  void dtypesAreConvertedWhereAsked() {
    Tensor x = Tensor.of(new double[] {1.00001, -2.7, 300});
    assertSame(x, x.to(DType.FLOAT64));
    assertArrayEquals(new double[] {1.00001f, -2.7f, 300}, x.to(DType.FLOAT32).toDoubles());
    assertArrayEquals(new double[] {1, -2.703125, 300}, x.to(DType.BFLOAT16).toDoubles());
    assertArrayEquals(new long[] {1, -2, 300}, x.to(DType.INT64).toLongs());
    Tensor w = Tensor.of(new float[] {1, 2}).requiresGrad(true);
    w.to(DType.FLOAT64).mul(3).sum().backward();
    assertEquals(DType.FLOAT32, java.util.Objects.requireNonNull(w.grad()).dtype());
    assertArrayEquals(new float[] {3, 3}, w.grad().toFloats());
  }

  @Test
  void devicesAreChangedWhereAsked() {
    Backend elsewhere = Devices.get("plain:1");
    long live = elsewhere.pool().liveBytes();
    Tensor x = Tensor.of(new float[] {1, 2, 3});
    assertSame(x, x.to(Device.of("plain")));
    Tensor y = x.to(Device.of("plain:1"));
    assertEquals(Device.of("plain:1"), y.device());
    assertArrayEquals(new float[] {2, 4, 6}, y.add(y).toFloats());
    assertEquals(live + 2 * 12, elsewhere.pool().liveBytes());
    assertNotEquals(x.device(), y.device());
    try (Device.Use on = Device.of("plain:1").use()) {
      assertEquals(Device.of("plain:1"), Tensor.zeros(2).device());
    }
    y.close();
  }

  @Test
  void whatMemoryIsForIsCounted() {
    long activations = OnPlain.pool().liveBytes(Purpose.ACTIVATIONS);
    Tensor x = Tensor.ones(100).requiresGrad(true);
    assertEquals(activations + 400, OnPlain.pool().liveBytes(Purpose.ACTIVATIONS));
    long gradients = OnPlain.pool().liveBytes(Purpose.GRADIENTS);
    x.mul(2).sum().backward();
    assertEquals(gradients + 400, OnPlain.pool().liveBytes(Purpose.GRADIENTS));
  }

  @Test
  void viewsShareMemory() {
    Tensor x = Tensor.ones(4, 6);
    Tensor view = x.reshape(3, -1);
    assertSame(x.buffer(), view.buffer());
    assertSame(x.buffer(), x.detach().buffer());
    x.close();
    assertEquals(24, view.sum().item(), "a view lives as long as it wants");
  }

  private static Tensor loss() {
    Tensor w = Tensor.ones(3, 2).requiresGrad(true);
    return Functional.relu(Tensor.ones(4, 3).matmul(w)).mul(w.sum()).mean();
  }

  @Test
  void theTapeDrawsItself() throws Exception {
    String dot = loss().tapeAsDot();
    assertTrue(dot.startsWith("digraph tape {"), dot);
    for (String op : new String[] {"leaf", "matmul", "relu", "mul", "sum"}) {
      assertEquals(op.equals("sum") ? 2 : 1, count(dot, "[label=\"" + op + "\\n"), op);
    }
    assertEquals(6, count(dot, " -> "));
    assertTrue(dot.contains("[4, 2], keeps 32 bytes"), dot);
    Document svg =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(loss().tapeAsSvg())));
    assertEquals("svg", svg.getDocumentElement().getTagName());
    assertEquals(6, svg.getElementsByTagName("rect").getLength());
    assertEquals(6, svg.getElementsByTagName("line").getLength());
  }

  private static int count(String text, String part) {
    return (text.length() - text.replace(part, "").length()) / part.length();
  }

  @Test
  void shapesAreValues() {
    Shape shape = Shape.of(2, 3, 4);
    assertEquals(shape, Shape.of(2, 3, 4));
    assertEquals(shape.hashCode(), Shape.of(2, 3, 4).hashCode());
    assertNotEquals(shape, Shape.of(2, 12));
    assertEquals("[2, 3, 4]", shape.toString());
    assertArrayEquals(new int[] {12, 4, 1}, shape.strides());
    assertEquals(24, shape.elements());
    assertEquals(12, shape.elements(1, 3));
    assertEquals(Shape.of(2, 3, 7), shape.with(-1, 7));
    shape.dims()[0] = 9;
    assertEquals(2, shape.dim(0));
    assertEquals(
        "shape: [2, 3, 4] has no dimension 3",
        assertThrows(IllegalArgumentException.class, () -> shape.dim(3)).getMessage());
    assertEquals(1L << 40, Shape.of(1 << 20, 1 << 20).elements(), "counts are long");
  }
}
