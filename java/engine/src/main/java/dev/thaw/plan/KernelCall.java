package dev.thaw.plan;

import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.SegmentTable;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One kernel call of a plan, and the least that it has to do.
 *
 * @param name family and method, {@code conv.backwardData}, and where one kernel serves several
 *     functions which: {@code unary.forward relu}
 * @param sizes for people
 * @param bytes that it reads and writes, each once, however often its kernel passes over them
 * @param flops by the definition of the kernel: a multiplication and an addition are two, any
 *     function of one argument is one
 */
public record KernelCall(String name, String sizes, long bytes, long flops) {
  static KernelCall of(Call call) {
    return new KernelCall(name(call), sizes(call), Traffic.bytes(call), Flops.of(call));
  }

  private static String name(Call call) {
    String family = call.method().getDeclaringClass().getSimpleName().replace("Kernels", "");
    String name = family.toLowerCase(Locale.ROOT) + "." + call.method().getName();
    @Nullable Object first = call.arguments()[0];
    return first instanceof Enum<?> f ? name + " " + f.name().toLowerCase(Locale.ROOT) : name;
  }

  private static String sizes(Call call) {
    if (call.is(IndexKernels.class, "castAll")) {
      List<Buffer> copies = call.writes();
      long elements = copies.stream().mapToLong(Buffer::elements).sum();
      return copies.size() + " copies, " + elements + " " + DType.BFLOAT16;
    }
    if (call.is(GemmKernels.class, "backwardWeights")) {
      int rows = call.value(4, Integer.class);
      int out = call.value(5, Integer.class);
      return gemm(GemmShape.of(out, call.value(6, Integer.class), rows, true, false));
    }
    StringBuilder sizes = new StringBuilder();
    @Nullable Buffer largest = null;
    for (@Nullable Object argument : call.arguments()) {
      if (argument instanceof ConvShape s) {
        sizes.append(conv(s));
      } else if (argument instanceof GemmShape s) {
        sizes.append(gemm(s));
      } else if (argument instanceof PoolShape s) {
        sizes.append(pool(s));
      } else if (argument instanceof SegmentTable table) {
        sizes.append(table.activeElements()).append(" parameters");
      } else if (argument instanceof Buffer b && (largest == null || b.bytes() > largest.bytes())) {
        largest = b;
      }
    }
    if (sizes.length() == 0 && largest != null) {
      sizes.append(largest.elements()).append(' ').append(largest.dtype());
    }
    return sizes.toString();
  }

  private static String conv(ConvShape s) {
    String text =
        String.format(
            Locale.ROOT,
            "x %dx%dx%dx%d, w %dx%dx%dx%d",
            s.n(),
            s.h(),
            s.w(),
            s.c(),
            s.k(),
            s.kh(),
            s.kw(),
            s.c() / s.groups());
    if (s.strideH() != 1 || s.strideW() != 1) {
      text +=
          ", stride "
              + (s.strideH() == s.strideW() ? s.strideH() : s.strideH() + "x" + s.strideW());
    }
    return text;
  }

  private static String gemm(GemmShape s) {
    return (s.batch() == 1 ? "" : s.batch() + " times ")
        + (s.transA() ? s.k() + "x" + s.m() + " transposed" : s.m() + "x" + s.k())
        + " by "
        + (s.transB() ? s.n() + "x" + s.k() + " transposed" : s.k() + "x" + s.n());
  }

  private static String pool(PoolShape s) {
    return String.format(
        Locale.ROOT, "x %dx%dx%dx%d to %dx%d", s.n(), s.h(), s.w(), s.c(), s.outH(), s.outW());
  }
}
