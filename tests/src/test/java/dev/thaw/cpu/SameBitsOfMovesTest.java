package dev.thaw.cpu;

import dev.thaw.backend.StepState;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

/** Loops that move values, draw them, measure them, and optimizer steps. */
final class SameBitsOfMovesTest extends SameBits {
  @Test
  void pooling() {
    int[][] shapes = {
      // n, h, w, c, kernel, stride, pad
      {2, 8, 8, 32, 2, 2, 0},
      {3, 9, 7, 5, 3, 2, 1},
      {1, 12, 12, 40, 3, 1, 1},
      {2, 6, 6, 1, 2, 3, 0},
    };
    for (int[] s : shapes) {
      int n = s[0];
      int h = s[1];
      int w = s[2];
      int c = s[3];
      int k = s[4];
      int stride = s[5];
      int pad = s[6];
      IntUnaryOperator out = size -> (size + 2 * pad - k) / stride + 1;
      int oh = out.applyAsInt(h);
      int ow = out.applyAsInt(w);
      Buffer x = numbers((long) n * h * w * c);
      Buffer y = output((long) n * oh * ow * c);
      Buffer where = buffer(DType.INT32, (long) n * oh * ow * c);
      String shape = java.util.Arrays.toString(s);
      Buffer dy = numbers((long) n * oh * ow * c);
      Buffer dx = output((long) n * h * w * c);
      hold(
          "max pooling " + shape,
          t -> {
            Native.thaw_pool_max_forward(
                y.address(),
                where.address(),
                x.address(),
                n,
                h,
                w,
                c,
                oh,
                ow,
                k,
                k,
                stride,
                stride,
                pad,
                pad,
                0,
                t);
            Native.thaw_pool_max_backward(
                dx.address(),
                dy.address(),
                where.address(),
                y.address(),
                n,
                h,
                w,
                c,
                oh,
                ow,
                k,
                k,
                stride,
                stride,
                pad,
                pad,
                0,
                t);
          },
          y,
          where,
          dx);
      Buffer x2 = numbers((long) n * h * w * c);
      Buffer y2 = output((long) n * oh * ow * c);
      Buffer dy2 = numbers((long) n * oh * ow * c);
      Buffer dx2 = output((long) n * h * w * c);
      hold(
          "average pooling " + shape,
          t -> {
            Native.thaw_pool_average_forward(
                y2.address(),
                x2.address(),
                n,
                h,
                w,
                c,
                oh,
                ow,
                k,
                k,
                stride,
                stride,
                pad,
                pad,
                1,
                0,
                t);
            Native.thaw_pool_average_backward(
                dx2.address(),
                dy2.address(),
                n,
                h,
                w,
                c,
                oh,
                ow,
                k,
                k,
                stride,
                stride,
                pad,
                pad,
                1,
                0,
                t);
          },
          y2,
          dx2);
    }
  }

  @Test
  void movingValues() {
    int[][] walks = {
      {5, 6, 7, 42, 7, 1, 1, 5, 30},
      {300, 200, 200, 1, 1, 300},
      {33, 3, 65, 195, 65, 1, 195, 1, 3},
      {1025, 1, 2},
      {40, 50, 50, 1, -50, 1},
    };
    for (int[] walk : walks) {
      int rank = walk.length / 3;
      int n = 1;
      for (int i = 0; i < rank; i++) {
        n *= walk[i];
      }
      int elements = n;
      boolean flipped = walk[2 * rank] < 0;
      Buffer x = numbers(2L * n);
      Buffer y = output(n);
      hold(
          "copy of " + java.util.Arrays.toString(walk),
          t ->
              Native.thaw_copy_strided(
                  y.address(), x.address(), 4, 0, flipped ? elements - 50 : 0, walk, rank, t),
          y);
    }
    for (int n : SIZES) {
      Buffer x = numbers(n);
      Buffer half = buffer(DType.BFLOAT16, n);
      Buffer back = output(n);
      Buffer whole = buffer(DType.INT64, n);
      hold(
          "casts of " + n,
          t -> {
            Native.thaw_cast(half.address(), DType.BFLOAT16.ordinal(), x.address(), 0, n, t);
            Native.thaw_cast(back.address(), 0, half.address(), DType.BFLOAT16.ordinal(), n, t);
            Native.thaw_cast(whole.address(), DType.INT64.ordinal(), x.address(), 0, n, t);
          },
          half,
          back,
          whole);
    }
    int outer = 3;
    int n = 50;
    int count = 70;
    int inner = 33;
    Buffer x = numbers((long) outer * n * inner);
    Buffer index = integers(count, n, false);
    Buffer each = integers((long) outer * count * inner, n, true);
    Buffer dy = numbers((long) outer * count * inner);
    Buffer taken = output((long) outer * count * inner);
    Buffer gathered = output((long) outer * count * inner);
    Buffer dTaken = output((long) outer * n * inner);
    Buffer dGathered = output((long) outer * n * inner);
    hold(
        "take and gather",
        t -> {
          Native.thaw_take(
              taken.address(), x.address(), 4, index.address(), 0, outer, n, count, inner, t);
          Native.thaw_take_backward(
              dTaken.address(), dy.address(), index.address(), 0, outer, n, count, inner, t);
          Native.thaw_gather(
              gathered.address(), x.address(), 4, each.address(), 1, outer, n, count, inner, t);
          Native.thaw_gather_backward(
              dGathered.address(), dy.address(), each.address(), 1, outer, n, count, inner, t);
        },
        taken,
        gathered,
        dTaken,
        dGathered);
    Buffer picture = numbers(2 * 7 * 9 * 19);
    Buffer dLarge = numbers(2 * 13 * 8 * 19);
    Buffer large = output(2 * 13 * 8 * 19);
    Buffer dPicture = output(2 * 7 * 9 * 19);
    hold(
        "resize",
        t -> {
          Native.thaw_resize_forward(
              large.address(), picture.address(), 2, 7, 9, 19, 13, 8, 1, 0, t);
          Native.thaw_resize_backward(
              dPicture.address(), dLarge.address(), 2, 7, 9, 19, 13, 8, 1, 0, t);
        },
        large,
        dPicture);
  }

  @Test
  void randomNumbers() {
    for (int n : SIZES) {
      Buffer x = numbers(n);
      Buffer uniform = output(n);
      Buffer dropped = output(n);
      hold(
          "random numbers, " + n,
          t -> {
            Native.thaw_uniform(uniform.address(), n, 0x123456789ABCDEFL, 3, 9, t);
            Native.thaw_dropout(dropped.address(), x.address(), 0, n, 0.3, -5, 1, 2, t);
          },
          uniform,
          dropped);
    }
  }

  @Test
  void updates() {
    int[] lengths = {1, 17, 40_000, 0, 1030};
    for (UpdateRule rule : UpdateRule.values()) {
      for (double limit : new double[] {0, 0.5}) {
        Buffer table = buffer(DType.UINT8, 48L * lengths.length);
        ByteBuffer structs = bytes(48L * lengths.length);
        List<Buffer> outputs = new ArrayList<>();
        for (int n : lengths) {
          Buffer value = output(n);
          Buffer first = output(n);
          Buffer second = output(n);
          for (Buffer x : List.of(value, first, second)) {
            write(x, read(positive(n)));
            outputs.add(x);
          }
          structs.putLong(value.address()).putLong(numbers(n).address());
          structs.putLong(first.address()).putLong(second.address());
          structs.putLong(n).putInt(1).putInt(1);
        }
        input(table, structs);
        ByteBuffer content = bytes(8L * StepState.SLOTS);
        content.putDouble(8 * StepState.MAX_NORM, 10);
        content.putDouble(8 * StepState.CLIP_VALUE, limit);
        content.putDouble(8 * StepState.GRADIENT_SCALE, 0.5);
        double[] group = {0.01, 0.001, 0.9, 0.99, 1e-8, 1};
        for (int i = 0; i < group.length; i++) {
          content.putDouble(8 * (StepState.GROUPS + StepState.GROUP_SLOTS + i), group[i]);
        }
        Buffer state = buffer(DType.FLOAT64, StepState.SLOTS);
        cpu.upload(state, content.clear());
        Buffer squares = buffer(DType.FLOAT64, lengths.length);
        Buffer steps = buffer(DType.INT32, lengths.length);
        write(steps, new byte[4 * lengths.length]);
        outputs.addAll(List.of(state, squares, steps));
        hold(
            rule.toString(),
            t -> {
              for (int step = 0; step < 2; step++) {
                Native.thaw_update_norm(
                    squares.address(), state.address(), table.address(), lengths.length, t);
                Native.thaw_update_step(
                    rule.ordinal(),
                    table.address(),
                    steps.address(),
                    lengths.length,
                    state.address(),
                    t);
              }
            },
            outputs.toArray(new Buffer[0]));
      }
    }
    Buffer value = output(33 * 70);
    write(value, read(numbers(33 * 70)));
    hold("max-norm", t -> Native.thaw_update_max_norm(value.address(), 33, 70, 2.5, t), value);
  }

  @Test
  void measurements() {
    for (int n : SIZES) {
      Buffer x = numbers(n);
      Buffer y = buffer(DType.FLOAT64, 4);
      Buffer hash = buffer(DType.INT64, 1);
      hold(
          "measures of " + n,
          t -> {
            Native.thaw_stats_measure(y.address(), x.address(), n, t);
            CpuStorage.view(hash.address(), 8)
                .putLong(0, Native.thaw_stats_hash(x.address(), 4L * n, t));
          },
          y,
          hash);
    }
  }
}
