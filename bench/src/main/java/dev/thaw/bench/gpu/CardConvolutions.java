package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.LinkedHashMap;
import java.util.Map;

/** The distinct convolutions of ResNet-50 in three directions, in bf16. */
final class CardConvolutions {
  /** Channels in and out, kernel, stride, padding, side of the picture. */
  private static final int[][] SHAPES = {
    {3, 64, 7, 2, 3, 224},
    {64, 64, 1, 1, 0, 56},
    {64, 64, 3, 1, 1, 56},
    {64, 256, 1, 1, 0, 56},
    {256, 64, 1, 1, 0, 56},
    {256, 128, 1, 1, 0, 56},
    {128, 128, 3, 2, 1, 56},
    {256, 512, 1, 2, 0, 56},
    {128, 512, 1, 1, 0, 28},
    {512, 128, 1, 1, 0, 28},
    {128, 128, 3, 1, 1, 28},
    {512, 256, 1, 1, 0, 28},
    {256, 256, 3, 2, 1, 28},
    {512, 1024, 1, 2, 0, 28},
    {256, 1024, 1, 1, 0, 14},
    {1024, 256, 1, 1, 0, 14},
    {256, 256, 3, 1, 1, 14},
    {1024, 512, 1, 1, 0, 14},
    {512, 512, 3, 2, 1, 14},
    {1024, 2048, 1, 2, 0, 14},
    {512, 2048, 1, 1, 0, 7},
    {2048, 512, 1, 1, 0, 7},
    {512, 512, 3, 1, 1, 7}
  };

  private CardConvolutions() {}

  /** Milliseconds and TFLOP/s by shape and direction, named as bench/gpu/peer.py names them. */
  static Map<String, Object> measure(int batch) {
    Map<String, Object> json = new LinkedHashMap<>();
    for (int[] s : SHAPES) {
      ConvShape shape =
          new ConvShape(batch, s[5], s[5], s[0], s[1], s[2], s[2], s[3], s[3], s[4], s[4], 1, 1, 1);
      String name = String.format("%d-%d %dx%d/%d at %d", s[0], s[1], s[2], s[2], s[3], s[5]);
      measure(json, name, shape);
    }
    return json;
  }

  private static void measure(Map<String, Object> json, String name, ConvShape s) {
    Backend backend = Devices.current();
    long taps = (long) s.kh() * s.kw() * s.c();
    long outputs = (long) s.n() * s.outH() * s.outW() * s.k();
    double flops = 2.0 * outputs * taps;
    Buffer x = filled(backend, DType.BFLOAT16, (long) s.n() * s.h() * s.w() * s.c());
    Buffer w = filled(backend, DType.BFLOAT16, taps * s.k());
    Buffer y = filled(backend, DType.BFLOAT16, outputs);
    Buffer dw = filled(backend, DType.FLOAT32, taps * s.k());
    json.put(
        name + ", forward",
        Rate.ofFlops(backend, flops, () -> backend.conv().forward(y, x, w, null, null, false, s)));
    json.put(
        name + ", data",
        Rate.ofFlops(backend, flops, () -> backend.conv().backwardData(x, y, w, s)));
    json.put(
        name + ", filter",
        Rate.ofFlops(backend, flops, () -> backend.conv().backwardWeights(dw, null, y, x, s)));
    for (Buffer buffer : new Buffer[] {x, w, y, dw}) {
      buffer.release();
    }
  }

  private static Buffer filled(Backend backend, DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    backend.random().uniform(buffer, 1, 0, 0);
    return buffer;
  }
}
