package dev.thaw.plain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Purpose;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class RealsTest {
  private static double rounded(double x) {
    return Reals.fromBfloat16(Reals.toBfloat16(x));
  }

  @Test
  void bfloat16IsTheNearestAndEvenInTheMiddle() {
    Random random = new Random(1);
    for (int i = 0; i < 200_000; i++) {
      short bits = (short) random.nextInt(0x7F80);
      double here = Reals.fromBfloat16(bits);
      double next = Reals.fromBfloat16((short) (bits + 1));
      assertEquals(here, rounded(here));
      if (Double.isFinite(next)) {
        double middle = here + (next - here) / 2;
        assertEquals((bits & 1) == 0 ? here : next, rounded(middle), "middle after " + here);
        // Nearer to the middle than any float: rounding by way of float alone would go wrong.
        assertEquals(here, rounded(Math.nextDown(middle)));
        assertEquals(next, rounded(Math.nextUp(middle)));
        assertEquals(-next, rounded(-Math.nextUp(middle)));
      }
    }
  }

  @Test
  void bfloat16KeepsWhatIsNotFinite() {
    assertTrue(Double.isNaN(rounded(Double.NaN)));
    // A NaN whose payload lies in the lower half alone must not become infinite.
    assertTrue(Double.isNaN(rounded(Float.intBitsToFloat(0x7F800001))));
    assertEquals(Double.NEGATIVE_INFINITY, rounded(Double.NEGATIVE_INFINITY));
    assertEquals(Double.POSITIVE_INFINITY, rounded(Double.MAX_VALUE));
    assertEquals(-0.0, rounded(-0.0));
  }

  @Test
  void integersAreTruncatedAndKeptInRange() {
    PlainBackend backend = new PlainBackend(Device.of("plain"), 1);
    double[] x = {1.9, -1.9, 300, -5, Double.NaN};
    Buffer pixels = backend.pool().allocate(DType.UINT8, 5, Purpose.ACTIVATIONS);
    Reals.write(pixels, x);
    assertArrayEquals(new double[] {1, 0, 255, 0, 0}, Reals.read(pixels));
    Buffer whole = backend.pool().allocate(DType.INT32, 5, Purpose.ACTIVATIONS);
    Reals.write(whole, x);
    assertArrayEquals(new double[] {1, -1, 300, -5, 0}, Reals.read(whole));
    pixels.release();
    whole.release();
  }

  @Test
  void anIndexOutsideIsNamed() {
    PlainBackend backend = new PlainBackend(Device.of("plain"), 1);
    Buffer index = backend.pool().allocate(DType.INT64, 3, Purpose.ACTIVATIONS);
    Reals.write(index, new double[] {0, 9, 10});
    assertEquals(
        "take: index 10 at 2 is not in [0, 10)",
        assertThrows(IllegalArgumentException.class, () -> Reals.indices("take", index, 10))
            .getMessage());
    assertArrayEquals(new int[] {0, 9, 10}, Reals.indices("take", index, 11));
    index.release();
  }
}
