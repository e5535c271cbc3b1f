package dev.thaw.bench.kernels;

import dev.thaw.backend.Backend;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A problem on which versions are held to the reference. Every buffer lies between guards, and
 * outputs hold NaN before a version runs: what is not written, what is written beside a buffer and
 * an input that changes are found like a result that is wrong.
 */
final class Trial implements AutoCloseable {
  /** Numbers before and behind each buffer; as many as keep it at a multiple of 16 bytes. */
  private static final int GUARD = 64;

  /** From there on: no two of them are alike, so that a copied one shows. */
  private static final int GUARD_BITS = 0x5a5a5a5a;

  private static final int NAN_BITS = 0x7fffffff;

  private final Subject subject;
  private final int[] sizes;
  private final Backend backend;
  private final List<Operand> operands;

  /** What each buffer holds before, and what it must hold after. */
  private final ByteBuffer[] before;

  private final double[][] after;
  private final Buffer[] whole;
  private final Buffer[] at;

  /** The subject at some sizes, its numbers drawn and its reference computed. */
  Trial(Subject subject, int[] sizes, Backend backend) {
    this.subject = subject;
    this.sizes = sizes;
    this.backend = backend;
    operands = subject.operands(sizes);
    int n = operands.size();
    before = new ByteBuffer[n];
    after = new double[n][];
    whole = new Buffer[n];
    at = new Buffer[n];
    Random random = new Random(Arrays.hashCode(sizes));
    for (int i = 0; i < n; i++) {
      draw(i, random);
    }
    subject.reference(after, sizes);
    for (int i = 0; i < n; i++) {
      long elements = operands.get(i).elements();
      whole[i] = backend.pool().allocate(DType.FLOAT32, elements + 2 * GUARD, Purpose.WORKSPACE);
      at[i] = whole[i].slice(GUARD, elements);
    }
  }

  private void draw(int i, Random random) {
    Operand operand = operands.get(i);
    int elements = Math.toIntExact(operand.elements());
    ByteBuffer bytes = host(elements + 2 * GUARD);
    double[] numbers = new double[elements];
    for (int k = 0; k < GUARD; k++) {
      bytes.putInt(4 * k, GUARD_BITS + 1000 * i + k);
      bytes.putInt(4 * (GUARD + elements + k), GUARD_BITS + 1000 * i + GUARD + k);
    }
    for (int k = 0; k < elements; k++) {
      float drawn = (float) (operand.low() + (operand.high() - operand.low()) * random.nextFloat());
      numbers[k] = drawn;
      if (operand.isRead()) {
        bytes.putFloat(4 * (GUARD + k), drawn);
      } else {
        bytes.putInt(4 * (GUARD + k), NAN_BITS);
      }
    }
    before[i] = bytes;
    after[i] = numbers;
  }

  private static ByteBuffer host(int elements) {
    return ByteBuffer.allocateDirect(4 * elements).order(ByteOrder.nativeOrder());
  }

  /**
   * Runs a version.
   *
   * @return what is wrong with what it did, or null
   */
  @Nullable String fault(int version, OwnKernels kernels) {
    for (int i = 0; i < whole.length; i++) {
      backend.upload(whole[i], before[i]);
    }
    subject.launch(version, kernels, at, sizes);
    for (int i = 0; i < whole.length; i++) {
      String fault = fault(i);
      if (fault != null) {
        return subject.kernel(version) + " at " + Arrays.toString(sizes) + ": " + fault;
      }
    }
    return null;
  }

  private @Nullable String fault(int i) {
    Operand operand = operands.get(i);
    int elements = Math.toIntExact(operand.elements());
    ByteBuffer found = host(elements + 2 * GUARD);
    backend.download(found, whole[i]);
    for (int k = -GUARD; k < elements + GUARD; k++) {
      int place = 4 * (GUARD + k);
      boolean inside = k >= 0 && k < elements;
      boolean kept = found.getInt(place) == before[i].getInt(place);
      if (!inside && !kept) {
        return String.format("%s[%d] was written, beside its %d", operand.name(), k, elements);
      }
      if (!inside) {
        continue;
      }
      switch (operand.role()) {
        case INPUT -> {
          if (!kept) {
            return String.format("%s[%d], an input, was written", operand.name(), k);
          }
        }
        case OUTPUT, UPDATED -> {
          double want = after[i][k];
          double got = found.getFloat(place);
          double allowed = operand.slack() * Math.max(Math.abs(want), operand.unit());
          if (!(Math.abs(got - want) <= allowed)) {
            return String.format(
                Locale.ROOT,
                "%s[%d]: expected %.9g, found %.9g, allowed is a difference of %.2g",
                operand.name(),
                k,
                want,
                got,
                allowed);
          }
        }
        case SCRATCH -> {}
      }
    }
    return null;
  }

  @Override
  public void close() {
    for (int i = 0; i < whole.length; i++) {
      at[i].release();
      whole[i].release();
    }
  }
}
