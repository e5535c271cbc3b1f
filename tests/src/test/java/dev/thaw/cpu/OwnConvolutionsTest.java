package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The convolutions that are ours, with every instruction set, also those for which oneDNN is
 * chosen: the same bits whatever the number of threads, and what the plain device computes.
 */
final class OwnConvolutionsTest {
  private static final Backend CPU = Devices.get("cpu");
  private static final int[] THREADS = {1, 2, 3, 7, 20};

  private final Isa best = Isa.current();

  @AfterEach
  void restore() {
    Native.thaw_choose_isa(best.ordinal());
  }

  /** Computes with that many threads into the buffers it was made with. */
  private interface Kernel {
    void with(int threads);
  }

  private void hold(
      Isa isa,
      TestBuffers buffers,
      Kernel kernel,
      List<Buffer> outputs,
      List<double[]> expected,
      double tolerance) {
    assertEquals(isa.ordinal(), Native.thaw_choose_isa(isa.ordinal()));
    List<double[]> first = new ArrayList<>();
    for (int threads : THREADS) {
      kernel.with(threads);
      for (int i = 0; i < outputs.size(); i++) {
        double[] found = buffers.read(outputs.get(i));
        if (first.size() == i) {
          first.add(found);
          buffers.assertClose(isa + ", output " + i, expected.get(i), outputs.get(i), tolerance);
        }
        assertArrayEquals(first.get(i), found, isa + ", output " + i + ", threads " + threads);
      }
    }
  }

  private static double[] random(long n, int seed) {
    return new Random(seed).doubles(n, -1, 1).toArray();
  }

  /** y, dx, dw, db of the plain device, in double. */
  private static List<double[]> plain(
      ConvShape s, double[] x, double[] w, double[] bias, double[] dy) {
    try (TestBuffers buffers = new TestBuffers(Devices.get("plain"), DType.FLOAT64)) {
      Buffer y = buffers.output(dy.length);
      Buffer dx = buffers.output(x.length);
      Buffer dw = buffers.output(w.length);
      Buffer db = buffers.output(bias.length);
      var conv = Devices.get("plain").conv();
      conv.forward(y, buffers.of(x), buffers.of(w), buffers.of(bias), null, true, s);
      conv.backwardData(dx, buffers.of(dy), buffers.of(w), null, s);
      conv.backwardWeights(dw, db, buffers.of(dy), buffers.of(x), s);
      return List.of(buffers.read(y), buffers.read(dx), buffers.read(dw), buffers.read(db));
    }
  }

  private void holdAll(Isa isa, ConvShape s, boolean few) {
    if (isa.compareTo(best) > 0) {
      System.err.println("not held on this processor: " + isa);
      return;
    }
    double[] x = random((long) s.n() * s.h() * s.w() * s.c(), 1);
    double[] w = random((long) s.k() * s.kh() * s.kw() * s.c(), 2);
    double[] bias = random(s.k(), 3);
    double[] dy = random((long) s.n() * s.outH() * s.outW() * s.k(), 4);
    List<double[]> expected = plain(s, x, w, bias, dy);
    try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
      long bx = buffers.of(x).address();
      long bw = buffers.of(w).address();
      long bb = buffers.of(bias).address();
      long bd = buffers.of(dy).address();
      Buffer y = buffers.output(dy.length);
      Buffer dx = buffers.output(x.length);
      Buffer dw = buffers.output(w.length);
      Buffer db = buffers.output(bias.length);
      if (few) {
        hold(
            isa,
            buffers,
            t -> {
              FewChannels.forward(y.address(), bx, bw, bb, true, s, t);
              FewChannels.backwardWeights(dw.address(), db.address(), bd, bx, s, t);
            },
            List.of(y, dw, db),
            List.of(expected.get(0), expected.get(2), expected.get(3)),
            2e-5);
        return;
      }
      Lanes lanes = new Lanes(CPU.pool(), 1);
      hold(
          isa,
          buffers,
          t -> {
            try (Lane lane = lanes.take()) {
              Winograd.forward(lane, y.address(), bx, bw, bb, 0, true, s, t);
              Winograd.backwardData(lane, dx.address(), bd, bw, s, t);
              Winograd.backwardWeights(lane, dw.address(), bd, bx, s, t);
            }
          },
          List.of(y, dx, dw),
          List.of(expected.get(0), expected.get(1), expected.get(2)),
          2e-5);
      lanes.trim();
    }
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void greyPictures(Isa isa) {
    holdAll(isa, new ConvShape(3, 13, 10, 1, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1), true);
    holdAll(isa, new ConvShape(2, 9, 17, 1, 5, 3, 2, 2, 1, 1, 0, 1, 2, 1), true);
    holdAll(isa, new ConvShape(1, 7, 6, 2, 50, 2, 2, 1, 3, 0, 2, 2, 1, 1), true);
    holdAll(isa, new ConvShape(1, 4, 4, 3, 17, 1, 1, 1, 1, 0, 0, 1, 1, 1), true);
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void threeByThree(Isa isa) {
    holdAll(isa, new ConvShape(3, 13, 10, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1), false);
    holdAll(isa, new ConvShape(2, 9, 12, 48, 16, 3, 3, 1, 1, 0, 2, 1, 1, 1), false);
    holdAll(isa, new ConvShape(1, 20, 31, 16, 144, 3, 3, 1, 1, 2, 1, 1, 1, 1), false);
    holdAll(isa, new ConvShape(1, 3, 3, 64, 96, 3, 3, 1, 1, 0, 0, 1, 1, 1), false);
  }

  /** What a plan's convolution may have beside its weights; the residual may be where y will be. */
  private enum Extras {
    NOTHING,
    BIAS_AND_RELU,
    ALL,
    ALL_IN_PLACE
  }

  /** Turns weights [k, kh, kw, c] with so many threads. */
  private interface Turning {
    TurnedWeights of(Buffer w, ConvShape s, int threads);
  }

  private void holdLargeTiles(Isa isa, ConvShape s) {
    holdTurned(isa, s, (w, shape, t) -> Winograd4.of(CPU.pool(), w, shape, t));
  }

  private void holdTurned(Isa isa, ConvShape s, Turning turning) {
    if (isa.compareTo(best) > 0) {
      System.err.println("not held on this processor: " + isa);
      return;
    }
    double[] x = random((long) s.n() * s.h() * s.w() * s.c(), 1);
    double[] w = random((long) s.k() * s.kh() * s.kw() * s.c(), 2);
    double[] bias = random(s.k(), 3);
    double[] residual = random((long) s.n() * s.outH() * s.outW() * s.k(), 4);
    double[] bare = bare(s, x, w);
    for (Extras extras : Extras.values()) {
      boolean some = extras != Extras.NOTHING;
      boolean adds = extras == Extras.ALL || extras == Extras.ALL_IN_PLACE;
      double[] expected = bare.clone();
      for (int i = 0; some && i < expected.length; i++) {
        expected[i] = Math.max(0, bare[i] + bias[i % s.k()] + (adds ? residual[i] : 0));
      }
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer bw = buffers.of(w);
        long bx = buffers.of(x).address();
        long bb = some ? buffers.of(bias).address() : 0;
        long br = buffers.of(residual).address();
        Buffer y = buffers.output(residual.length);
        hold(
            isa,
            buffers,
            t -> {
              long add = adds ? br : 0;
              if (extras == Extras.ALL_IN_PLACE) {
                add = y.address();
                Native.thaw_copy(add, br, y.bytes(), 1);
              }
              try (TurnedWeights turned = turning.of(bw, s, t)) {
                turned.forward(y.address(), bx, bb, add, some, s, t);
              }
            },
            List.of(y),
            List.of(expected),
            5e-5);
      }
    }
  }

  private static double[] bare(ConvShape s, double[] x, double[] w) {
    try (TestBuffers buffers = new TestBuffers(Devices.get("plain"), DType.FLOAT64)) {
      Buffer y = buffers.output((long) s.n() * s.outH() * s.outW() * s.k());
      var conv = Devices.get("plain").conv();
      conv.forward(y, buffers.of(x), buffers.of(w), null, null, false, s);
      return buffers.read(y);
    }
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void threeByThreeInLargeTiles(Isa isa) {
    holdLargeTiles(isa, new ConvShape(3, 13, 10, 32, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(2, 9, 12, 48, 16, 3, 3, 1, 1, 0, 2, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(1, 20, 31, 16, 144, 3, 3, 1, 1, 2, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(1, 3, 3, 64, 96, 3, 3, 1, 1, 0, 0, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(3, 7, 7, 64, 208, 3, 3, 1, 1, 1, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(2, 28, 28, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(2, 14, 18, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1));
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void stridedInLargeTiles(Isa isa) {
    holdLargeTiles(isa, new ConvShape(3, 13, 10, 32, 64, 3, 3, 2, 2, 1, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(2, 9, 12, 48, 16, 3, 3, 2, 2, 0, 2, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(1, 20, 31, 16, 144, 3, 3, 2, 2, 2, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(1, 3, 3, 64, 96, 3, 3, 2, 2, 0, 0, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(3, 14, 14, 64, 208, 3, 3, 2, 2, 1, 1, 1, 1, 1));
    holdLargeTiles(isa, new ConvShape(2, 36, 27, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1, 1));
  }

  private void holdColours(Isa isa, ConvShape s) {
    holdTurned(isa, s, (w, shape, t) -> CookToom.of(CPU.pool(), w, shape));
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void colourPictures(Isa isa) {
    holdColours(isa, new ConvShape(2, 37, 41, 3, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1));
    holdColours(isa, new ConvShape(1, 18, 64, 3, 80, 7, 7, 2, 2, 2, 6, 1, 1, 1));
    holdColours(isa, new ConvShape(3, 9, 7, 3, 16, 5, 7, 1, 2, 0, 0, 1, 1, 1));
    holdColours(isa, new ConvShape(1, 1, 5, 3, 176, 1, 7, 3, 2, 0, 1, 1, 1, 1));
  }

  private void holdPointwise(Isa isa, ConvShape s) {
    holdTurned(isa, s, (w, shape, t) -> PointwiseSum.of(CPU.pool(), w, shape, t));
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void oneByOne(Isa isa) {
    holdPointwise(isa, new ConvShape(3, 9, 7, 64, 144, 1, 1, 1, 1, 0, 0, 1, 1, 1));
    holdPointwise(isa, new ConvShape(2, 9, 8, 37, 96, 1, 1, 2, 2, 0, 0, 1, 1, 1));
    holdPointwise(isa, new ConvShape(1, 5, 11, 3, 16, 1, 1, 1, 3, 0, 0, 1, 1, 1));
    holdPointwise(isa, new ConvShape(1, 1, 1, 130, 64, 1, 1, 1, 1, 0, 0, 1, 1, 1));
  }
}
