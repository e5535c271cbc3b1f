package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.Devices;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.Strided;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Our kernels over buffers far larger than the card's caches: bytes that must move, over time. What
 * a step of ResNet-50 does besides convolutions.
 */
final class CardKernels {
  /** 128 MiB of float32: batch 32 of 56 x 56 pictures with 256 channels is 98 MiB. */
  private static final int ROWS = 1 << 17;

  private static final int COLUMNS = 256;

  private final Backend backend = Devices.current();
  private final List<Buffer> held = new ArrayList<>();
  private final Map<String, Object> json = new LinkedHashMap<>();

  private CardKernels() {}

  /** Milliseconds and GB/s by kernel. */
  static Map<String, Object> measure() {
    CardKernels kernels = new CardKernels();
    for (DType dtype : new DType[] {DType.FLOAT32, DType.BFLOAT16}) {
      kernels.measure(dtype);
    }
    kernels.optimizers();
    kernels.held.forEach(Buffer::release);
    return kernels.json;
  }

  private Buffer buffer(DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    held.add(buffer);
    if (dtype.isFloating() && dtype != DType.FLOAT64) {
      backend.random().uniform(buffer, 1, 0, held.size());
    } else {
      backend.index().fill(buffer, 0);
    }
    return buffer;
  }

  private void put(String name, DType dtype, double bytes, Runnable call) {
    json.put(name + " " + dtype, Rate.ofBytes(backend, bytes, call));
  }

  private void measure(DType dtype) {
    long n = (long) ROWS * COLUMNS;
    double tensor = (double) n * dtype.bytes();
    Buffer x = buffer(dtype, n);
    Buffer y = buffer(dtype, n);
    Buffer z = buffer(dtype, n);
    Buffer gamma = buffer(DType.FLOAT32, COLUMNS);
    Buffer beta = buffer(DType.FLOAT32, COLUMNS);
    Buffer mean = buffer(DType.FLOAT32, COLUMNS);
    Buffer variance = buffer(DType.FLOAT32, COLUMNS);
    Strided rows = new Strided(0, new int[] {1});
    put(
        "copy",
        dtype,
        2 * tensor,
        () -> backend.index().copy(y, rows, x, rows, new int[] {(int) n}));
    put("relu forward", dtype, 2 * tensor, () -> backend.unary().forward(Unary.RELU, y, x, 0, 0));
    put(
        "relu backward",
        dtype,
        3 * tensor,
        () -> backend.unary().backward(Unary.RELU, z, x, y, 0, 0));
    put("gelu forward", dtype, 2 * tensor, () -> backend.unary().forward(Unary.GELU, y, x, 0, 0));
    Broadcast same = Broadcast.of("add", new int[] {(int) n}, new int[] {(int) n});
    put("add", dtype, 3 * tensor, () -> backend.binary().forward(Binary.ADD, z, x, y, same));
    DType other = dtype == DType.FLOAT32 ? DType.BFLOAT16 : DType.FLOAT32;
    Buffer cast = buffer(other, n);
    put("cast from", dtype, n * 6.0, () -> backend.index().cast(cast, x));
    Strided across = new Strided(0, new int[] {1, ROWS});
    Strided along = new Strided(0, new int[] {COLUMNS, 1});
    put(
        "transpose",
        dtype,
        2 * tensor,
        () -> backend.index().copy(y, across, x, along, new int[] {ROWS, COLUMNS}));
    Buffer sums = buffer(dtype, ROWS);
    put(
        "sum over rows",
        dtype,
        tensor,
        () -> backend.reduce().reduce(Reduction.SUM, sums, x, ROWS, COLUMNS, 1, 1));
    put(
        "softmax forward",
        dtype,
        2 * tensor,
        () -> backend.softmax().forward(y, x, false, ROWS, COLUMNS));
    put(
        "softmax backward",
        dtype,
        3 * tensor,
        () -> backend.softmax().backward(z, x, y, false, ROWS, COLUMNS));
    put(
        "norm statistics",
        dtype,
        tensor,
        () -> backend.norm().statistics(mean, variance, x, ROWS, COLUMNS));
    put(
        "norm forward",
        dtype,
        2 * tensor,
        () ->
            backend
                .norm()
                .batchForward(y, x, gamma, beta, mean, variance, null, true, ROWS, COLUMNS, 1e-5));
    put(
        "norm forward with residual",
        dtype,
        3 * tensor,
        () ->
            backend
                .norm()
                .batchForward(y, x, gamma, beta, mean, variance, z, true, ROWS, COLUMNS, 1e-5));
    Buffer dgamma = buffer(DType.FLOAT32, COLUMNS);
    Buffer dbeta = buffer(DType.FLOAT32, COLUMNS);
    // Two passes: the sums read dy and x, and so does the gradient that they are needed for.
    put(
        "norm backward",
        dtype,
        5 * tensor,
        () ->
            backend
                .norm()
                .batchBackward(
                    z, dgamma, dbeta, null, x, y, gamma, beta, mean, variance, null, ROWS, COLUMNS,
                    1e-5));
    Buffer dresidual = buffer(dtype, n);
    Buffer result = buffer(dtype, n);
    // The sums read dy, x and y and write what counts of dy, which is then read in place of dy.
    put(
        "norm backward with residual",
        dtype,
        7 * tensor,
        () ->
            backend
                .norm()
                .batchBackward(
                    z, dgamma, dbeta, dresidual, x, y, gamma, null, mean, variance, result, ROWS,
                    COLUMNS, 1e-5));
    Buffer rowMean = buffer(DType.FLOAT32, ROWS);
    Buffer rowScale = buffer(DType.FLOAT32, ROWS);
    put(
        "layer norm forward",
        dtype,
        2 * tensor,
        () ->
            backend.norm().layerForward(y, rowMean, rowScale, x, gamma, beta, ROWS, COLUMNS, 1e-5));
    PoolShape pool = new PoolShape(32, 64, 64, COLUMNS, 32, 32, 3, 3, 2, 2, 1, 1, true, false);
    Buffer where = buffer(DType.INT32, n / 4);
    Buffer pooled = buffer(dtype, n / 4);
    put(
        "max pool forward",
        dtype,
        tensor * 1.25 + n,
        () -> backend.pooling().maxForward(pooled, where, x, pool));
    put(
        "max pool backward",
        dtype,
        tensor * 1.25 + n,
        () -> backend.pooling().maxBackward(z, pooled, where, null, pool));
  }

  private void optimizers() {
    long n = (long) ROWS * COLUMNS;
    Buffer state = buffer(DType.FLOAT64, StepState.SLOTS);
    for (UpdateRule rule : new UpdateRule[] {UpdateRule.SGD, UpdateRule.ADAMW}) {
      List<Buffer> moments = new ArrayList<>();
      for (int i = 0; i < rule.moments(); i++) {
        moments.add(buffer(DType.FLOAT32, n));
      }
      Buffer squares = buffer(DType.FLOAT64, 1);
      Segment segment = new Segment(buffer(DType.FLOAT32, n), buffer(DType.FLOAT32, n), moments, 0);
      try (SegmentTable table = backend.update().table(List.of(segment))) {
        put(
            "gradient norm",
            DType.FLOAT32,
            n * 4.0,
            () -> backend.update().norm(squares, state, table));
        // Reads value, gradient and moments, writes value and moments.
        put(
            "step of " + rule,
            DType.FLOAT32,
            n * 4.0 * (3 + 2 * rule.moments()),
            () -> backend.update().step(rule, table, state));
      }
    }
  }
}
