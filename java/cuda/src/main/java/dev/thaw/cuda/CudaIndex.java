package dev.thaw.cuda;

import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.Strided;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;

/**
 * Copies, fills, casts, what is picked by index, and resizing. An index out of range is refused at
 * the next wait for the card.
 */
final class CudaIndex implements IndexKernels {
  /** WALK_RANK of kernels/move.cu. */
  private static final int WALK_RANK = 8;

  /** CASTS of kernels/move.cu. */
  private static final int CASTS = 120;

  /** CAST_CHUNK of kernels/move.cu. */
  private static final int CAST_CHUNK = 4096;

  /** Matrices with a shorter side are walked: their tiles would be mostly empty. */
  private static final int LEAST_SIDE = 8;

  /** What one launch of the walk kernel may count. */
  private static final long MOST = Integer.MAX_VALUE;

  private final Card card;
  private final Workspace workspace;
  private final Refusals refusals;

  /** By the logarithm of a unit's bytes. */
  private final Kernel[] walks;

  private final Kernel[] tiles;
  private final Kernel[] fills;
  private final Kernel[] takes;
  private final Kernel[] gathers;

  /** By the ordinals of the types of x and y. */
  private final Kernel[][] casts;

  private final Kernel castAll;
  private final Kernels.ByType takeBackward;
  private final Kernels.ByType gatherBackward;
  private final Kernels.ByType resize;
  private final Kernels.ByType resizeBackward;
  private final int wrongTake;
  private final int wrongGather;

  CudaIndex(Card card, Kernels kernels, Workspace workspace, Refusals refusals) {
    this.card = card;
    this.workspace = workspace;
    this.refusals = refusals;
    walks = bySize(kernels, "copy_walk_", 5);
    tiles = bySize(kernels, "copy_tiles_", 4);
    fills = bySize(kernels, "fill_", 4);
    takes = bySize(kernels, "take_", 5);
    gathers = bySize(kernels, "gather_", 4);
    DType[] types = DType.values();
    casts = new Kernel[types.length][types.length];
    for (DType from : types) {
      for (DType to : types) {
        String name = "cast_" + name(from) + "_" + name(to);
        casts[from.ordinal()][to.ordinal()] = kernels.get(name);
      }
    }
    castAll = kernels.get("cast_all_f32_bf16");
    takeBackward = kernels.byType("take_backward");
    gatherBackward = kernels.byType("gather_backward");
    resize = kernels.byType("resize");
    resizeBackward = kernels.byType("resize_backward");
    wrongTake = refusals.named("take: index %d at %d is not in [0, %d)");
    wrongGather = refusals.named("gather: index %d at %d is not in [0, %d)");
  }

  private static Kernel[] bySize(Kernels kernels, String name, int sizes) {
    Kernel[] all = new Kernel[sizes];
    for (int i = 0; i < sizes; i++) {
      all[i] = kernels.get(name + (1 << i));
    }
    return all;
  }

  private static Kernel ofSize(Kernel[] kernels, int bytes) {
    return kernels[Integer.numberOfTrailingZeros(bytes)];
  }

  /** What kernels/ calls a type. */
  private static String name(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> "f32";
      case FLOAT64 -> "f64";
      case BFLOAT16 -> "bf16";
      case INT32 -> "i32";
      case INT64 -> "i64";
      case UINT8 -> "u8";
    };
  }

  @Override
  public void copy(Buffer y, Strided to, Buffer x, Strided from, int[] dims) {
    Check.that(y.dtype() == x.dtype(), "copy: the types differ, %s and %s", y, x);
    copy(CopyWalk.of(y.dtype().bytes(), y.address(), to, x.address(), from, dims));
  }

  private void copy(CopyWalk walk) {
    long count = walk.count();
    if (count == 0) {
      return;
    }
    int across = walk.across(LEAST_SIDE);
    if (across >= 0) {
      transpose(walk, across);
    } else if (count <= MOST) {
      Arguments arguments = Arguments.empty().address(walk.to()).address(walk.from()).int64(count);
      dimensions(arguments, walk, -1, walk.rank());
      card.launch(ofSize(walks, walk.unit()), card.blocksFor(count), arguments);
    } else {
      long places = walk.size(0);
      long each = Math.max(1, MOST / (count / places));
      for (long i = 0; i < places; i += each) {
        copy(walk.part(i, Math.min(each, places - i)));
      }
    }
  }

  private void transpose(CopyWalk walk, int across) {
    int last = walk.rank() - 1;
    long rows = walk.size(across);
    long columns = walk.size(last);
    int side = sideOfTile(walk.unit());
    long down = (rows + side - 1) / side;
    long tilesAcross = (columns + side - 1) / side;
    long count = walk.count() / rows / columns * down * tilesAcross;
    Arguments arguments =
        Arguments.empty()
            .address(walk.to())
            .address(walk.from())
            .int64(count)
            .int64(rows)
            .int64(columns)
            .int64(walk.toStep(across))
            .int64(walk.fromStep(last))
            .divisor((int) down)
            .divisor((int) tilesAcross)
            .flag(walk.turnsInPacks(across));
    dimensions(arguments, walk, across, last);
    card.launch(ofSize(tiles, walk.unit()), card.blocksForTasks(count), arguments);
  }

  /** Tile::SIDE of kernels/move.cu. */
  private static int sideOfTile(int unit) {
    return unit == Long.BYTES ? 32 : 64;
  }

  /** {@code Walk}: the dimensions before {@code end}, one left out. */
  private static void dimensions(Arguments arguments, CopyWalk walk, int leftOut, int end) {
    int rank = leftOut < 0 ? end : end - 1;
    Check.that(
        rank <= WALK_RANK,
        "copy: %d dimensions that cannot be merged, at most %d can be walked",
        rank,
        WALK_RANK);
    arguments.aligned8().int32(rank);
    for (int i = 0; i < WALK_RANK; i++) {
      arguments.divisor(i < rank ? (int) walk.size(nth(i, leftOut)) : 1);
    }
    for (int i = 0; i < WALK_RANK; i++) {
      arguments.int64(i < rank ? walk.toStep(nth(i, leftOut)) : 0);
    }
    for (int i = 0; i < WALK_RANK; i++) {
      arguments.int64(i < rank ? walk.fromStep(nth(i, leftOut)) : 0);
    }
  }

  private static int nth(int i, int leftOut) {
    return leftOut >= 0 && i >= leftOut ? i + 1 : i;
  }

  @Override
  public void fill(Buffer y, double value) {
    if (y.elements() == 0) {
      return;
    }
    long bits =
        switch (y.dtype()) {
          case FLOAT32 -> Float.floatToRawIntBits((float) value);
          case FLOAT64 -> Double.doubleToRawLongBits(value);
          case BFLOAT16 -> bfloat16(value);
          case INT32 -> (int) value;
          case INT64 -> (long) value;
          case UINT8 -> (int) value;
        };
    card.launch(
        ofSize(fills, y.dtype().bytes()),
        card.blocksFor(CudaUnary.packs(y)),
        Arguments.empty().pointer(y).int64(y.elements()).int64(bits));
  }

  /** Rounded once, as narrow_double of kernels/move.cu does it. */
  private static int bfloat16(double x) {
    float f = (float) x;
    int bits = Float.floatToRawIntBits(f);
    if (Float.isNaN(f)) {
      return bits >>> 16 | 0x40;
    }
    if (f != x) {
      bits = (Math.abs((double) f) > Math.abs(x) ? bits - 1 : bits) | 1;
    }
    return bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
  }

  @Override
  public void cast(Buffer y, Buffer x) {
    long n = y.elements();
    if (n == 0) {
      return;
    }
    if (y.dtype() == x.dtype()) {
      copy(CopyWalk.run(y.dtype().bytes(), y.address(), x.address(), n));
      return;
    }
    cast(y.dtype(), y.address(), x.dtype(), x.address(), n);
  }

  private void cast(DType to, long y, DType from, long x, long n) {
    card.launch(
        casts[from.ordinal()][to.ordinal()],
        card.blocksFor((n + 3) / 4),
        Arguments.empty().address(y).address(x).int64(n));
  }

  @Override
  public void castAll(Buffer[] ys, Buffer[] xs) {
    for (int begin = 0; begin < ys.length; begin += CASTS) {
      castSome(ys, xs, begin, Math.min(ys.length, begin + CASTS));
    }
  }

  private void castSome(Buffer[] ys, Buffer[] xs, int begin, int end) {
    long chunks = 0;
    for (int i = begin; i < end; i++) {
      chunks += castChunks(ys[i]);
    }
    if (chunks == 0) {
      return;
    }
    Arguments arguments = Arguments.empty().int32(end - begin).int32(Math.toIntExact(chunks));
    int before = 0;
    for (int i = begin; i < end; i++) {
      arguments.pointer(ys[i]).pointer(xs[i]).int32(before).int64(ys[i].elements());
      before += castChunks(ys[i]);
    }
    for (int i = end - begin; i < CASTS; i++) {
      arguments.address(0).address(0).int32(0).int64(0);
    }
    card.launch(castAll, card.blocksForTasks(chunks), arguments);
  }

  private static int castChunks(Buffer y) {
    return Math.toIntExact((y.elements() + CAST_CHUNK - 1) / CAST_CHUNK);
  }

  @Override
  public void take(Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    Check.that(y.dtype() == x.dtype(), "take: the types differ, %s and %s", y, x);
    if (y.elements() == 0) {
      return;
    }
    long row = (long) inner * y.dtype().bytes();
    int unit = CopyWalk.widest(row | y.address() | x.address());
    long units = row / unit;
    int lanes = (int) Math.min(Card.THREADS, Long.highestOneBit(2 * units - 1));
    Arguments arguments =
        walkOf(y.address(), x.address(), index, outer, n, count, units).int32(lanes);
    card.launch(
        ofSize(takes, unit),
        card.blocksFor((long) outer * count * lanes),
        refusals.watch(arguments, wrongTake));
  }

  /** What all kernels with an index begin with. */
  private static Arguments walkOf(
      long y, long x, Buffer index, int outer, int n, int count, long inner) {
    return Arguments.empty()
        .address(y)
        .address(x)
        .pointer(index)
        .flag(index.dtype() == DType.INT64)
        .int64(outer)
        .int64(n)
        .int64(count)
        .int64(inner);
  }

  @Override
  public void takeBackward(
      Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    if (dx.elements() == 0) {
      return;
    }
    // A warp has 128 columns of a row, ROW_PART of kernels/index.cu.
    long warps = (long) outer * n * ((inner + 127) / 128);
    card.launch(
        takeBackward.of(dx.dtype()),
        card.blocksFor(warps * 32),
        refusals.watch(
            walkOf(dx.address(), dy.address(), index, outer, n, count, inner), wrongTake));
  }

  @Override
  public void gather(Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    Check.that(y.dtype() == x.dtype(), "gather: the types differ, %s and %s", y, x);
    if (y.elements() == 0) {
      return;
    }
    card.launch(
        ofSize(gathers, y.dtype().bytes()),
        card.blocksFor(y.elements()),
        refusals.watch(
            walkOf(y.address(), x.address(), index, outer, n, count, inner), wrongGather));
  }

  /** Adds in float: in bf16, terms would be lost one by one. */
  @Override
  public void gatherBackward(
      Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    long elements = dx.elements();
    if (elements == 0) {
      return;
    }
    boolean sumsApart = dx.dtype() == DType.BFLOAT16;
    long sums = sumsApart ? workspace.take(elements * Float.BYTES) : dx.address();
    try {
      card.launch(
          ofSize(fills, Float.BYTES),
          card.blocksFor((elements + 3) / 4),
          Arguments.empty().address(sums).int64(elements).int64(0));
      if (dy.elements() > 0) {
        card.launch(
            gatherBackward.of(dy.dtype()),
            card.blocksFor((long) outer * inner),
            refusals.watch(walkOf(sums, dy.address(), index, outer, n, count, inner), wrongGather));
      }
      if (sumsApart) {
        cast(DType.BFLOAT16, dx.address(), DType.FLOAT32, sums, elements);
      }
    } finally {
      if (sumsApart) {
        workspace.give();
      }
    }
  }

  @Override
  public void resize(Buffer y, Buffer x, ResizeShape s) {
    resize(resize, y, x, s, (long) s.n() * s.outH());
  }

  @Override
  public void resizeBackward(Buffer dx, Buffer dy, ResizeShape s) {
    resize(resizeBackward, dx, dy, s, (long) s.n() * s.h());
  }

  private void resize(Kernels.ByType kernel, Buffer to, Buffer from, ResizeShape s, long rows) {
    if (to.elements() == 0) {
      return;
    }
    card.launch(
        kernel.of(to.dtype()),
        card.blocksForTasks(rows),
        Arguments.empty()
            .pointer(to)
            .pointer(from)
            .int32(s.n())
            .int32(s.h())
            .int32(s.w())
            .int32(s.c())
            .int32(s.outH())
            .int32(s.outW())
            .int32(s.bilinear() ? s.alignCorners() ? 2 : 1 : 0));
  }
}
