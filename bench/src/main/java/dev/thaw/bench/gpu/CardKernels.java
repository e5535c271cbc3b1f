package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Devices;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StatsKernels;
import dev.thaw.backend.StepState;
import dev.thaw.backend.Strided;
import dev.thaw.backend.Unary;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Our kernels over buffers far larger than the card's caches: bytes that must move, over time, and
 * the share of the card's copy rate that is asked of them. What a step does besides convolutions
 * and products.
 */
final class CardKernels {
  private static final double EPS = 1e-5;

  /** Percent of the copy rate that are asked of elementwise kernels, casts and the optimizer. */
  private static final int PLAIN = 95;

  /** The same of norms, softmax, pooling and reductions. */
  private static final int REDUCING = 85;

  /** No share is asked. */
  private static final int NONE = 0;

  private final Backend backend = Devices.current();
  private final List<Buffer> held = new ArrayList<>();
  private final Map<String, Object> json = new LinkedHashMap<>();
  private final int rows;
  private final int columns;
  private final double seconds;

  private CardKernels(Extent extent) {
    rows = extent.rows();
    columns = extent.columns();
    seconds = extent.kernelSeconds();
  }

  /** Milliseconds, GB/s and the percent of the copy rate that are asked, by kernel. */
  static Map<String, Object> measure(Extent extent) {
    CardKernels kernels = new CardKernels(extent);
    for (DType dtype : new DType[] {DType.FLOAT32, DType.BFLOAT16}) {
      if (kernels.backend.computes(dtype)) {
        kernels.measure(dtype);
      }
    }
    kernels.letGo();
    kernels.optimizers();
    kernels.letGo();
    return kernels.json;
  }

  private Buffer buffer(DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.WORKSPACE);
    held.add(buffer);
    if (dtype == DType.FLOAT32 || dtype == DType.BFLOAT16) {
      backend.random().uniform(buffer, 1, 0, held.size());
    } else {
      backend.index().fill(buffer, 0);
    }
    return buffer;
  }

  private void letGo() {
    held.forEach(Buffer::release);
    held.clear();
  }

  private void put(String name, DType dtype, int asked, double bytes, Runnable call) {
    double ms = Rate.milliseconds(backend::synchronize, seconds, call);
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("ms", ms);
    figures.put("GBps", bytes / ms * 1e-6);
    if (asked > 0) {
      figures.put("asked", asked);
    }
    json.put(name + " " + dtype, figures);
  }

  private void measure(DType dtype) {
    long n = (long) rows * columns;
    double tensor = (double) n * dtype.bytes();
    Buffer x = buffer(dtype, n);
    Buffer y = buffer(dtype, n);
    Buffer z = buffer(dtype, n);
    elementwise(dtype, tensor, x, y, z);
    moving(dtype, tensor, x, y);
    reductions(dtype, tensor, x);
    softmax(dtype, tensor, x, y, z);
    norms(dtype, tensor, x, y, z);
    pooling(dtype, tensor, x, z);
    letGo();
  }

  private void elementwise(DType dtype, double tensor, Buffer x, Buffer y, Buffer z) {
    int n = Math.toIntExact(x.elements());
    for (Unary f : new Unary[] {Unary.RELU, Unary.GELU, Unary.TANH}) {
      String name = f.name().toLowerCase(Locale.ROOT);
      put(
          name + " forward",
          dtype,
          PLAIN,
          2 * tensor,
          () -> backend.unary().forward(f, y, x, 0, 0));
      put(
          name + " backward",
          dtype,
          PLAIN,
          3 * tensor,
          () -> backend.unary().backward(f, z, x, y, 0, 0));
    }
    Broadcast same = Broadcast.of("add", new int[] {n}, new int[] {n});
    put("add", dtype, PLAIN, 3 * tensor, () -> backend.binary().forward(Binary.ADD, z, x, y, same));
    Buffer bias = buffer(dtype, columns);
    Broadcast byRow = Broadcast.of("add", new int[] {rows, columns}, new int[] {columns});
    put(
        "add a row",
        dtype,
        PLAIN,
        2 * tensor,
        () -> backend.binary().forward(Binary.ADD, z, x, bias, byRow));
    DType other = dtype == DType.FLOAT32 ? DType.BFLOAT16 : DType.FLOAT32;
    if (backend.computes(other)) {
      Buffer cast = buffer(other, n);
      put("cast from", dtype, PLAIN, n * 6.0, () -> backend.index().cast(cast, x));
    }
    put("uniform", dtype, PLAIN, tensor, () -> backend.random().uniform(y, 1, 0, 0));
    put(
        "dropout",
        dtype,
        PLAIN,
        2 * tensor,
        () -> backend.random().dropout(y, x, null, 0.5, 1, 0, 0));
    Buffer bytes = buffer(DType.UINT8, n);
    Buffer mean = buffer(DType.FLOAT32, columns);
    Buffer deviation = buffer(DType.FLOAT32, columns);
    put(
        "pixels to",
        dtype,
        PLAIN,
        tensor + n,
        () -> backend.norm().pixels(y, bytes, mean, deviation, rows, columns));
  }

  private void moving(DType dtype, double tensor, Buffer x, Buffer y) {
    int n = Math.toIntExact(x.elements());
    Strided line = new Strided(0, new int[] {1});
    put(
        "copy",
        dtype,
        PLAIN,
        2 * tensor,
        () -> backend.index().copy(y, line, x, line, new int[] {n}));
    put("fill", dtype, PLAIN, tensor, () -> backend.index().fill(y, 1));
    Strided across = new Strided(0, new int[] {1, rows});
    Strided along = new Strided(0, new int[] {columns, 1});
    put(
        "transpose",
        dtype,
        NONE,
        2 * tensor,
        () -> backend.index().copy(y, across, x, along, new int[] {rows, columns}));
    Buffer index = buffer(DType.INT32, rows);
    ByteBuffer backwards = ByteBuffer.allocateDirect(4 * rows).order(ByteOrder.nativeOrder());
    for (int i = 0; i < rows; i++) {
      backwards.putInt(4 * i, rows - 1 - i);
    }
    backend.upload(index, backwards);
    put(
        "take rows",
        dtype,
        NONE,
        2 * tensor,
        () -> backend.index().take(y, x, index, 1, rows, rows, columns));
  }

  private void reductions(DType dtype, double tensor, Buffer x) {
    Buffer byRow = buffer(dtype, rows);
    Buffer byColumn = buffer(dtype, columns);
    Buffer where = buffer(DType.INT64, rows);
    put(
        "sum of each row",
        dtype,
        REDUCING,
        tensor,
        () -> backend.reduce().reduce(Reduction.SUM, byRow, x, rows, columns, 1, 1));
    put(
        "sum of each column",
        dtype,
        REDUCING,
        tensor,
        () -> backend.reduce().reduce(Reduction.SUM, byColumn, x, 1, rows, columns, 1));
    put(
        "argmax of each row",
        dtype,
        REDUCING,
        tensor,
        () -> backend.reduce().argmax(where, x, rows, columns, 1));
    Buffer measured = buffer(DType.FLOAT64, StatsKernels.COUNT);
    put("measurements", dtype, REDUCING, tensor, () -> backend.stats().measure(measured, x));
    Buffer hash = buffer(DType.INT64, 1);
    put("hash", dtype, REDUCING, tensor, () -> backend.stats().hash(hash, x));
  }

  /** In float32 alone: what comes in bf16 is widened before. */
  private void softmax(DType dtype, double tensor, Buffer x, Buffer y, Buffer z) {
    if (dtype != DType.FLOAT32) {
      return;
    }
    for (boolean log : new boolean[] {false, true}) {
      String name = log ? "log softmax" : "softmax";
      put(
          name + " forward",
          dtype,
          REDUCING,
          2 * tensor,
          () -> backend.softmax().forward(y, x, log, rows, columns));
      put(
          name + " backward",
          dtype,
          REDUCING,
          3 * tensor,
          () -> backend.softmax().backward(z, x, y, log, rows, columns));
    }
    Buffer loss = buffer(dtype, 1);
    Buffer total = buffer(dtype, 1);
    Buffer targets = buffer(DType.INT32, rows);
    put(
        "cross-entropy forward",
        dtype,
        REDUCING,
        2 * tensor,
        () ->
            backend
                .softmax()
                .crossEntropy(
                    loss, total, y, x, targets, null, CrossEntropyOptions.DEFAULT, rows, columns));
    put(
        "cross-entropy backward",
        dtype,
        REDUCING,
        2 * tensor,
        () ->
            backend
                .softmax()
                .crossEntropyBackward(
                    z, loss, total, y, targets, null, CrossEntropyOptions.DEFAULT, rows, columns));
  }

  private void norms(DType dtype, double tensor, Buffer x, Buffer y, Buffer z) {
    NormKernels norm = backend.norm();
    Buffer gamma = buffer(DType.FLOAT32, columns);
    Buffer beta = buffer(DType.FLOAT32, columns);
    Buffer mean = buffer(DType.FLOAT32, columns);
    Buffer variance = buffer(DType.FLOAT32, columns);
    Buffer dgamma = buffer(DType.FLOAT32, columns);
    Buffer dbeta = buffer(DType.FLOAT32, columns);
    put(
        "norm statistics",
        dtype,
        REDUCING,
        tensor,
        () -> norm.statistics(mean, variance, x, rows, columns));
    put(
        "norm forward",
        dtype,
        REDUCING,
        2 * tensor,
        () -> norm.batchForward(y, x, gamma, beta, mean, variance, null, true, rows, columns, EPS));
    put(
        "norm forward with residual",
        dtype,
        REDUCING,
        3 * tensor,
        () -> norm.batchForward(y, x, gamma, beta, mean, variance, z, true, rows, columns, EPS));
    // Two passes: the sums read dy and x, and so does the gradient that they are needed for.
    put(
        "norm backward",
        dtype,
        REDUCING,
        5 * tensor,
        () ->
            norm.batchBackward(
                z, dgamma, dbeta, null, x, y, gamma, beta, mean, variance, null, rows, columns,
                EPS));
    Buffer dresidual = buffer(dtype, x.elements());
    Buffer result = buffer(dtype, x.elements());
    // The sums read dy, x and y and write what counts of dy, which is then read in place of dy.
    put(
        "norm backward with residual",
        dtype,
        REDUCING,
        7 * tensor,
        () ->
            norm.batchBackward(
                z, dgamma, dbeta, dresidual, x, y, gamma, null, mean, variance, result, rows,
                columns, EPS));
    put(
        "constant norm backward",
        dtype,
        REDUCING,
        2 * tensor,
        () -> norm.constantBackward(z, x, gamma, variance, rows, columns, EPS));
    Buffer rowMean = buffer(DType.FLOAT32, rows);
    Buffer rowScale = buffer(DType.FLOAT32, rows);
    put(
        "layer norm forward",
        dtype,
        REDUCING,
        2 * tensor,
        () -> norm.layerForward(y, rowMean, rowScale, x, gamma, beta, rows, columns, EPS));
    // The sums over rows read dy and x once more.
    put(
        "layer norm backward",
        dtype,
        REDUCING,
        5 * tensor,
        () -> norm.layerBackward(z, dgamma, dbeta, x, y, gamma, rowMean, rowScale, rows, columns));
  }

  private void pooling(DType dtype, double tensor, Buffer x, Buffer z) {
    long n = x.elements();
    int pictures = rows / (64 * 64);
    PoolShape pool =
        new PoolShape(pictures, 64, 64, columns, 32, 32, 3, 3, 2, 2, 1, 1, true, false);
    PoolShape whole =
        new PoolShape(pictures * 64, 8, 8, columns, 1, 1, 8, 8, 8, 8, 0, 0, true, false);
    Buffer where = buffer(DType.INT32, n / 4);
    Buffer pooled = buffer(dtype, n / 4);
    Buffer one = buffer(dtype, n / 64);
    put(
        "max pool forward",
        dtype,
        REDUCING,
        tensor * 1.25 + n,
        () -> backend.pooling().maxForward(pooled, where, x, pool));
    put(
        "max pool backward",
        dtype,
        REDUCING,
        tensor * 1.25 + n,
        () -> backend.pooling().maxBackward(z, pooled, where, null, pool));
    put(
        "average pool forward",
        dtype,
        REDUCING,
        tensor * 1.25,
        () -> backend.pooling().averageForward(pooled, x, pool));
    put(
        "average pool backward",
        dtype,
        REDUCING,
        tensor * 1.25,
        () -> backend.pooling().averageBackward(z, pooled, pool));
    put(
        "global average forward",
        dtype,
        REDUCING,
        tensor + tensor / 64,
        () -> backend.pooling().averageForward(one, x, whole));
    put(
        "global average backward",
        dtype,
        REDUCING,
        tensor + tensor / 64,
        () -> backend.pooling().averageBackward(z, one, whole));
  }

  private void optimizers() {
    long n = (long) rows * columns;
    Buffer state = state();
    for (UpdateRule rule : UpdateRule.values()) {
      List<Buffer> moments = new ArrayList<>();
      for (int i = 0; i < rule.moments(); i++) {
        moments.add(buffer(DType.FLOAT32, n));
      }
      Buffer squares = buffer(DType.FLOAT64, 1);
      Segment segment = new Segment(buffer(DType.FLOAT32, n), buffer(DType.FLOAT32, n), moments, 0);
      try (SegmentTable table = backend.update().table(List.of(segment))) {
        if (rule == UpdateRule.SGD) {
          put(
              "gradient norm",
              DType.FLOAT32,
              REDUCING,
              n * 4.0,
              () -> backend.update().norm(squares, state, table));
        }
        // Reads value, gradient and moments, writes value and moments.
        put(
            "step of " + rule,
            DType.FLOAT32,
            PLAIN,
            n * 4.0 * (3 + 2 * rule.moments()),
            () -> backend.update().step(rule, table, state));
      }
    }
  }

  /** Of an ordinary step. */
  private Buffer state() {
    ByteBuffer values =
        ByteBuffer.allocateDirect(8 * StepState.SLOTS).order(ByteOrder.nativeOrder());
    values.putDouble(8 * StepState.CLIP_SCALE, 1);
    values.putDouble(8 * StepState.GRADIENT_SCALE, 1);
    values.putDouble(8 * (StepState.GROUPS + StepState.RATE), 1e-3);
    values.putDouble(8 * (StepState.GROUPS + StepState.WEIGHT_DECAY), 1e-4);
    values.putDouble(8 * (StepState.GROUPS + StepState.BETA1), 0.9);
    values.putDouble(8 * (StepState.GROUPS + StepState.BETA2), 0.999);
    values.putDouble(8 * (StepState.GROUPS + StepState.EPS), 1e-8);
    Buffer state = buffer(DType.FLOAT64, StepState.SLOTS);
    backend.upload(state, values);
    return state;
  }
}
