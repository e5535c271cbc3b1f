package dev.thaw.cuda;

import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
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
  private final Workspace workspace;

  /** By {@link Reduction#ordinal()}. */
  private final Loops.ByType[] folds;

  private final Loops.ByType argmax;
  private final Loops argmaxOfKeys;
  private final int mostBlocks;

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

  CudaReduce(Card card, Kernels kernels, Workspace workspace) {
    this(card, kernels, workspace, card.mostBlocks());
  }

  /**
   * Reductions in as many pieces as fill a card.
   *
   * @param mostBlocks that fill it
   */
  CudaReduce(Card card, Kernels kernels, Workspace workspace, int mostBlocks) {
    this.card = card;
    this.workspace = workspace;
    this.mostBlocks = mostBlocks;
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
    Shape shape = new Shape(outer, n, inner, raw, scale);
    inPieces(loops.of(x.dtype()), loops.f32(), Float.BYTES, y, x, shape);
  }

  @Override
  public void argmax(Buffer y, Buffer x, int outer, int n, int inner) {
    Shape shape = new Shape(outer, n, inner, false, 1);
    inPieces(argmax.of(x.dtype()), argmaxOfKeys, Long.BYTES, y, x, shape);
  }

  /**
   * What is asked for.
   *
   * @param raw whether results are written as what is folded
   */
  private record Shape(int outer, int n, int inner, boolean raw, double scale) {
    long results() {
      return (long) outer * inner;
    }
  }

  /**
   * One launch, or one that makes several results of each n and one that reduces these.
   *
   * @param between bytes of a number that the first launch leaves and the second one reads
   */
  private void inPieces(Loops first, Loops second, int between, Buffer y, Buffer x, Shape shape) {
    if (shape.results() == 0) {
      return;
    }
    int width = x.dtype().bytes();
    int piece = piece(x.address(), width, shape);
    if (piece == shape.n()) {
      launch(first, y.address(), x.address(), width, shape, piece);
      return;
    }
    int pieces = (shape.n() + piece - 1) / piece;
    long partial = workspace.take(shape.results() * pieces * between);
    try {
      Shape toPieces = new Shape(shape.outer(), shape.n(), shape.inner(), true, 1);
      launch(first, partial, x.address(), width, toPieces, piece);
      Shape ofPieces = new Shape(shape.outer(), pieces, shape.inner(), shape.raw(), shape.scale());
      launch(second, y.address(), partial, between, ofPieces, pieces);
    } finally {
      workspace.give();
    }
  }

  /** A thread a result: of few numbers, or where results abound and a warp's lie side by side. */
  private boolean isEach(Shape s) {
    boolean abound = s.results() >= threads() / 2;
    return s.inner() > 1 && (s.n() <= FEW || (abound && (s.n() <= 256 || s.inner() >= 32)));
  }

  private boolean isShortRows(Shape s) {
    boolean many = s.outer() * 32L >= threads() / 2;
    return s.inner() == 1 && (s.n() <= VERY_SHORT || (s.n() <= SHORT && many));
  }

  private long threads() {
    return (long) mostBlocks * Card.THREADS;
  }

  /** How much of n a block folds: all, unless blocks would be too few. */
  private int piece(long x, int width, Shape s) {
    if (isEach(s) || isShortRows(s)) {
      return s.n();
    }
    Tile tile = Tile.of(x, width, s.n(), s.inner());
    long least = s.inner() == 1 ? PIECE : 8L * tile.rows();
    long blocks = mostBlocks / ((long) s.outer() * tile.tiles(s.inner()));
    long pieces = Math.min(s.n() / least, blocks);
    if (pieces <= 1) {
      return s.n();
    }
    // Rows start at packs if x does.
    return (int) Math.min(s.n(), ((s.n() + pieces - 1) / pieces + 15) / 16 * 16);
  }

  private void launch(Loops loops, long y, long x, int width, Shape s, int piece) {
    int pieces = piece == s.n() ? 1 : (s.n() + piece - 1) / piece;
    Arguments a = Arguments.empty().address(y).address(x);
    if (isEach(s)) {
      a.int64(s.results()).int32(s.n()).int32(s.inner()).flag(s.raw()).float64(s.scale());
      card.launch(loops.each(), card.blocksFor(s.results()), a);
    } else if (isShortRows(s)) {
      int lanes = Lanes.ofRow(s.n(), width, x);
      a.int64(s.outer()).int32(s.n()).int32(lanes).flag(s.raw()).float64(s.scale());
      card.launch(loops.shortRows(), card.blocksFor((long) s.outer() * lanes), a);
    } else if (s.inner() == 1) {
      a.int64(s.outer()).int32(s.n()).int32(pieces).int32(piece);
      a.flag(s.raw()).float64(s.scale());
      card.launch(loops.rows(), card.blocksForTasks((long) s.outer() * pieces), a);
    } else {
      Tile tile = Tile.of(x, width, piece, s.inner());
      if (pieces == 1) {
        tile = tile.spread(s.n(), s.inner(), mostBlocks / s.outer());
      }
      a.int64(s.outer()).int32(s.n()).int32(s.inner()).int32(pieces).int32(piece);
      a.int32(tile.lanes()).flag(tile.packed()).flag(s.raw()).float64(s.scale());
      long tasks = (long) s.outer() * pieces * tile.tiles(s.inner());
      card.launch(loops.columns(), card.blocksForTasks(tasks), a);
    }
  }

  /**
   * What a block takes of columns.
   *
   * @param lanes threads side by side, a power of two
   * @param width columns of a thread
   * @param packed whether these are a pack, else they are one
   */
  private record Tile(int lanes, int width, boolean packed) {
    static Tile of(long x, int bytes, int n, int inner) {
      int pack = 16 / bytes;
      boolean packed = inner % pack == 0 && x % 16 == 0;
      int width = packed ? pack : 1;
      int lanes = Lanes.of(inner / width);
      // Threads that would find no row stand beside the others instead.
      while (lanes < Card.THREADS && Card.THREADS / lanes > n) {
        lanes *= 2;
      }
      return new Tile(lanes, width, packed);
    }

    /**
     * Narrower, so that more blocks share the columns, while all threads find a row; two packs are
     * the least that memory gives at once.
     */
    Tile spread(int n, int inner, int blocks) {
      Tile tile = this;
      while (tile.lanes > 2 && 2 * tile.rows() <= n && 2 * tile.tiles(inner) <= blocks) {
        tile = new Tile(tile.lanes / 2, width, packed);
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
