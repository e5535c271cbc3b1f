package dev.thaw.cuda;

import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.Locale;

/**
 * {@code kernels/reduce.cu}: picks the kernel by the shape, and cuts n into pieces where results
 * are too few to keep the card busy.
 */
final class CudaReduce implements ReduceKernels {
  /** Up to this n a thread makes a result of {@code inner} > 1 alone. */
  private static final int FEW = 16;

  /** Up to this n a row is given to lanes of a warp, if there are many rows. */
  private static final int SHORT = 1024;

  /** Up to this n in any case. */
  private static final int VERY_SHORT = 128;

  /** The least numbers of a piece: 16 a thread. */
  private static final int PIECE = 4096;

  private final Card card;
  private final Pool pool;

  /** By {@link Reduction#ordinal()}. */
  private final Loops.ByType[] folds;

  private final Loops.ByType argmax;
  private final Loops argmaxOfKeys;

  /** The four kernels of a reduction. */
  private record Loops(Kernel each, Kernel shortRows, Kernel rows, Kernel columns) {
    static Loops of(Kernels kernels, String name, String type) {
      return new Loops(
          kernels.get(name + "_each_" + type),
          kernels.get(name + "_short_rows_" + type),
          kernels.get(name + "_rows_" + type),
          kernels.get(name + "_columns_" + type));
    }

    /** For float and bf16. */
    record ByType(Loops f32, Loops bf16) {
      static ByType of(Kernels kernels, String name) {
        return new ByType(Loops.of(kernels, name, "f32"), Loops.of(kernels, name, "bf16"));
      }

      Loops of(DType dtype) {
        return Kernels.choose(dtype, f32, bf16);
      }
    }
  }

  CudaReduce(Card card, Kernels kernels, Pool pool) {
    this.card = card;
    this.pool = pool;
    Reduction[] all = Reduction.values();
    folds = new Loops.ByType[all.length];
    for (Reduction r : all) {
      folds[r.ordinal()] = Loops.ByType.of(kernels, r.name().toLowerCase(Locale.ROOT));
    }
    argmax = Loops.ByType.of(kernels, "argmax");
    argmaxOfKeys = Loops.of(kernels, "argmax", "keys");
  }

  /** Reads and writes FLOAT32 and BFLOAT16, in any combination; folds in float. */
  @Override
  public void reduce(Reduction r, Buffer y, Buffer x, int outer, int n, int inner, double scale) {
    Loops.ByType loops = folds[r.ordinal()];
    boolean raw = Kernels.choose(y.dtype(), true, false);
    inPieces(loops.of(x.dtype()), loops.f32(), DType.FLOAT32, y, raw, x, outer, n, inner, scale);
  }

  @Override
  public void argmax(Buffer y, Buffer x, int outer, int n, int inner) {
    inPieces(argmax.of(x.dtype()), argmaxOfKeys, DType.INT64, y, false, x, outer, n, inner, 1);
  }

  /**
   * One launch, or one that makes {@code pieces} results of each n and one that reduces these.
   *
   * @param between what the first launch leaves, and the second one reads
   * @param raw whether y holds the same as {@code between}
   */
  private void inPieces(
      Loops first,
      Loops second,
      DType between,
      Buffer y,
      boolean raw,
      Buffer x,
      int outer,
      int n,
      int inner,
      double scale) {
    if ((long) outer * inner == 0) {
      return;
    }
    int piece = piece(x, outer, n, inner);
    if (piece == n) {
      launch(first, y, raw, x, outer, n, inner, n, scale);
      return;
    }
    int pieces = (n + piece - 1) / piece;
    Buffer partial = pool.allocate(between, (long) outer * pieces * inner, Purpose.WORKSPACE);
    try {
      launch(first, partial, true, x, outer, n, inner, piece, 1);
      launch(second, y, raw, partial, outer, pieces, inner, pieces, scale);
    } finally {
      partial.release();
    }
  }

  /** A thread a result: of few numbers, or where results abound and a warp's lie side by side. */
  private boolean isEach(int outer, int n, int inner) {
    boolean abound = (long) outer * inner >= threads() / 2;
    return inner > 1 && (n <= FEW || (abound && (n <= 256 || inner >= 32)));
  }

  private boolean isShortRows(int outer, int n, int inner) {
    return inner == 1 && (n <= VERY_SHORT || (n <= SHORT && outer * 32L >= threads() / 2));
  }

  private long threads() {
    return (long) card.mostBlocks() * Card.THREADS;
  }

  /** How much of n a block folds: all, unless blocks would be too few. */
  private int piece(Buffer x, int outer, int n, int inner) {
    if (isEach(outer, n, inner) || isShortRows(outer, n, inner)) {
      return n;
    }
    Tile tile = Tile.of(x, n, inner);
    long least = inner == 1 ? PIECE : 8L * tile.rows();
    long pieces = Math.min(n / least, card.mostBlocks() / ((long) outer * tile.tiles(inner)));
    if (pieces <= 1) {
      return n;
    }
    // Rows start at packs if x does.
    return (int) Math.min(n, ((n + pieces - 1) / pieces + 15) / 16 * 16);
  }

  private void launch(
      Loops loops,
      Buffer y,
      boolean raw,
      Buffer x,
      int outer,
      int n,
      int inner,
      int piece,
      double scale) {
    int pieces = n == piece ? 1 : (n + piece - 1) / piece;
    Arguments a = Arguments.empty().pointer(y).pointer(x);
    if (isEach(outer, n, inner)) {
      long results = (long) outer * inner;
      a.int64(results).int32(n).int32(inner).flag(raw).float64(scale);
      card.launch(loops.each(), card.blocksFor(results), a);
    } else if (isShortRows(outer, n, inner)) {
      int lanes = Lanes.of(n);
      a.int64(outer).int32(n).int32(lanes).flag(raw).float64(scale);
      card.launch(loops.shortRows(), card.blocksFor((long) outer * lanes), a);
    } else if (inner == 1) {
      a.int64(outer).int32(n).int32(pieces).int32(piece).flag(raw).float64(scale);
      card.launch(loops.rows(), card.blocksForTasks((long) outer * pieces), a);
    } else {
      Tile tile = Tile.of(x, piece, inner);
      if (pieces == 1) {
        tile = tile.spread(n, inner, card.mostBlocks() / outer);
      }
      a.int64(outer).int32(n).int32(inner).int32(pieces).int32(piece);
      a.int32(tile.lanes()).flag(tile.width() > 1).flag(raw).float64(scale);
      long tasks = (long) outer * pieces * tile.tiles(inner);
      card.launch(loops.columns(), card.blocksForTasks(tasks), a);
    }
  }

  /**
   * What a block takes of columns.
   *
   * @param lanes threads side by side, a power of two
   * @param width columns of a thread
   */
  private record Tile(int lanes, int width) {
    static Tile of(Buffer x, int n, int inner) {
      int pack = 16 / x.dtype().bytes();
      int width = inner % pack == 0 && x.address() % 16 == 0 ? pack : 1;
      int lanes = Lanes.of(inner / width);
      // Threads that would find no row stand beside the others instead.
      while (lanes < Card.THREADS && Card.THREADS / lanes > n) {
        lanes *= 2;
      }
      return new Tile(lanes, width);
    }

    /**
     * Narrower, so that more blocks share the columns, while all threads find a row; two packs are
     * the least that memory gives at once.
     */
    Tile spread(int n, int inner, int blocks) {
      Tile tile = this;
      while (tile.lanes > 2 && 2 * tile.rows() <= n && 2 * tile.tiles(inner) <= blocks) {
        tile = new Tile(tile.lanes / 2, width);
      }
      return tile;
    }

    int rows() {
      return Card.THREADS / lanes;
    }

    int tiles(int inner) {
      return (inner + lanes * width - 1) / (lanes * width);
    }
  }
}
