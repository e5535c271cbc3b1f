package dev.thaw.cuda;

import dev.thaw.backend.NormKernels;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Batch norm by channel, in sums by piece of the rows that a second kernel joins ({@code
 * kernels/norm.cu}), layer norm by row ({@code layer_norm.cu}), and pictures that crossed as bytes
 * ({@code pixels.cu}).
 */
final class CudaNorm implements NormKernels {
  /** Up to this many columns a row is given to lanes of a warp, else to a block. */
  private static final int SHORT = 1024;

  /** JOIN_LANES of kernels/norm.cu. */
  private static final int JOIN_LANES = 8;

  private final Card card;
  private final Workspace workspace;
  private final Kernels.ByType moments;
  private final Kernel momentsJoin;
  private final Kernel fromSums;
  private final Kernel track;
  private final Kernels.ByType batchForward;
  private final Kernels.ByType gradientSums;
  private final Kernels.ByType residualSums;
  private final Kernels.ByType layerSums;
  private final Kernel gradientJoin;
  private final Kernels.ByType batchBackward;
  private final Kernels.ByType constantBackward;
  private final Kernels.ByType layerForward;
  private final Kernels.ByType layerForwardShort;
  private final Kernels.ByType layerBackward;
  private final Kernels.ByType layerBackwardShort;
  private final Kernels.ByType pixels;

  CudaNorm(Card card, Kernels kernels, Workspace workspace) {
    this.card = card;
    this.workspace = workspace;
    moments = kernels.byType("norm_moments");
    momentsJoin = kernels.get("norm_moments_join");
    fromSums = kernels.get("norm_from_sums");
    track = kernels.get("norm_track");
    batchForward = kernels.byType("norm_batch_forward");
    gradientSums = kernels.byType("norm_gradient_sums");
    residualSums = kernels.byType("norm_residual_sums");
    layerSums = kernels.byType("norm_layer_sums");
    gradientJoin = kernels.get("norm_gradient_join");
    batchBackward = kernels.byType("norm_batch_backward");
    constantBackward = kernels.byType("norm_constant_backward");
    layerForward = kernels.byType("norm_layer_forward");
    layerForwardShort = kernels.byType("norm_layer_forward_short");
    layerBackward = kernels.byType("norm_layer_backward");
    layerBackwardShort = kernels.byType("norm_layer_backward_short");
    pixels = kernels.byType("norm_pixels");
  }

  /**
   * {@code NormCut} of kernels/norm.cu: a function of the sizes and alignments, so that a sum has
   * the same bits on every card.
   */
  private record Cut(
      int rows, int channels, boolean packed, int lanes, int groups, int pieces, int rowsOfPiece) {
    /** What fills the largest cards. */
    private static final int TASKS = 1024;

    /** The least rows that a thread goes through. */
    private static final int ROWS = 8;

    /** For rows of channels at {@code addresses}, which are combined by or. */
    static Cut of(int rows, int channels, int elementBytes, long addresses) {
      boolean packed = (((long) channels * elementBytes | addresses) & 15) == 0;
      int units = packed ? channels * elementBytes / 16 : channels;
      int lanes = Lanes.of(units);
      int groups = (units + lanes - 1) / lanes;
      int slots = Card.THREADS / lanes;
      int most = Math.max(1, TASKS / groups);
      int each = Math.max(ROWS * slots, (int) (((long) rows + most - 1) / most));
      each = Math.min((each + slots - 1) / slots * slots, Integer.MAX_VALUE / 2);
      int pieces = (int) Math.max(1, ((long) rows + each - 1) / each);
      return new Cut(rows, channels, packed, lanes, groups, pieces, each);
    }

    int tasks() {
      return pieces * groups;
    }

    /** Bytes of two sums in double for each piece and channel. */
    long bytes() {
      return 2L * Double.BYTES * pieces * channels;
    }

    Arguments in(Arguments arguments) {
      return arguments
          .int32(rows)
          .int32(channels)
          .flag(packed)
          .int32(lanes)
          .int32(groups)
          .int32(pieces)
          .int32(rowsOfPiece);
    }
  }

  private static long address(@Nullable Buffer buffer) {
    return buffer == null ? 0 : buffer.address();
  }

  private void launch(Kernels.ByType kernel, Buffer main, Cut cut, Arguments arguments) {
    card.launch(kernel.of(main.dtype()), card.blocksForTasks(cut.tasks()), cut.in(arguments));
  }

  private void join(Kernel kernel, Cut cut, Arguments arguments) {
    int tasks = (cut.channels + JOIN_LANES - 1) / JOIN_LANES;
    card.launch(kernel, card.blocksForTasks(tasks), cut.in(arguments));
  }

  @Override
  public void statistics(Buffer mean, Buffer variance, Buffer x, int rows, int channels) {
    if (channels == 0) {
      return;
    }
    Cut cut = Cut.of(rows, channels, x.dtype().bytes(), x.address());
    long partial = workspace.take(cut.bytes());
    try {
      launch(moments, x, cut, Arguments.empty().address(partial).pointer(x));
      join(momentsJoin, cut, Arguments.empty().pointer(mean).pointer(variance).address(partial));
    } finally {
      workspace.give();
    }
  }

  /** The same of Σ x and Σ x², floats at the addresses given. */
  void statisticsOfSums(
      Buffer mean, Buffer variance, long sums, long squares, int rows, int channels) {
    card.launch(
        fromSums,
        card.blocksFor(channels),
        Arguments.empty()
            .pointer(mean)
            .pointer(variance)
            .address(sums)
            .address(squares)
            .int32(rows)
            .int32(channels));
  }

  @Override
  public void track(
      Buffer runningMean,
      Buffer runningVariance,
      Buffer mean,
      Buffer variance,
      int rows,
      int channels,
      double momentum) {
    if (channels == 0) {
      return;
    }
    card.launch(
        track,
        card.blocksFor(channels),
        Arguments.empty()
            .pointer(runningMean)
            .pointer(runningVariance)
            .pointer(mean)
            .pointer(variance)
            .int32(rows)
            .int32(channels)
            .float64(momentum));
  }

  @Override
  public void batchForward(
      Buffer y,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer residual,
      boolean relu,
      int rows,
      int channels,
      double eps) {
    if (y.elements() == 0) {
      return;
    }
    launch(
        batchForward,
        y,
        Cut.of(rows, channels, y.dtype().bytes(), y.address() | x.address() | address(residual)),
        Arguments.empty()
            .pointer(y)
            .pointer(x)
            .pointer(gamma)
            .pointer(beta)
            .pointer(mean)
            .pointer(variance)
            .pointer(residual)
            .flag(relu)
            .float32(eps));
  }

  @Override
  public void batchBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      @Nullable Buffer dresidual,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer y,
      int rows,
      int channels,
      double eps) {
    if (channels == 0) {
      return;
    }
    long addresses = address(dx) | dy.address() | x.address() | address(dresidual) | address(y);
    Cut cut = Cut.of(rows, channels, x.dtype().bytes(), addresses);
    long partial = workspace.take(cut.bytes() + 2L * Float.BYTES * channels);
    long means = dx == null ? 0 : partial + cut.bytes();
    try {
      if (dresidual != null) {
        launch(
            residualSums,
            x,
            cut,
            Arguments.empty()
                .address(partial)
                .pointer(dresidual)
                .pointer(dy)
                .pointer(x)
                .pointer(mean)
                .pointer(y));
      } else {
        launch(
            gradientSums,
            x,
            cut,
            Arguments.empty()
                .address(partial)
                .pointer(dy)
                .pointer(x)
                .pointer(gamma)
                .pointer(beta)
                .pointer(mean)
                .pointer(variance)
                .float32(eps));
      }
      join(
          gradientJoin,
          cut,
          Arguments.empty()
              .pointer(dgamma)
              .pointer(dbeta)
              .address(means)
              .address(partial)
              .pointer(variance)
              .float64(eps));
      if (dx != null && dx.elements() > 0) {
        launch(
            batchBackward,
            dx,
            cut,
            Arguments.empty()
                .pointer(dx)
                .pointer(dresidual == null ? dy : dresidual)
                .pointer(x)
                .pointer(gamma)
                .pointer(beta)
                .pointer(mean)
                .pointer(variance)
                .address(means)
                .float32(eps));
      }
    } finally {
      workspace.give();
    }
  }

  @Override
  public void constantBackward(
      Buffer dx, Buffer dy, Buffer gamma, Buffer variance, int rows, int channels, double eps) {
    if (dx.elements() == 0) {
      return;
    }
    launch(
        constantBackward,
        dx,
        Cut.of(rows, channels, dx.dtype().bytes(), dx.address() | dy.address()),
        Arguments.empty().pointer(dx).pointer(dy).pointer(gamma).pointer(variance).float32(eps));
  }

  @Override
  public void layerForward(
      Buffer y,
      Buffer mean,
      Buffer rstd,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      int rows,
      int columns,
      double eps) {
    if (rows == 0) {
      return;
    }
    byRow(
        layerForwardShort,
        layerForward,
        x,
        x.address() | y.address(),
        rows,
        columns,
        Arguments.empty()
            .pointer(y)
            .pointer(mean)
            .pointer(rstd)
            .pointer(x)
            .pointer(gamma)
            .pointer(beta)
            .int32(rows)
            .int32(columns)
            .float64(eps));
  }

  private void byRow(
      Kernels.ByType shortRows,
      Kernels.ByType longRows,
      Buffer x,
      long addresses,
      int rows,
      int columns,
      Arguments arguments) {
    if (columns <= SHORT) {
      int lanes = Lanes.ofRow(columns, x.dtype().bytes(), addresses);
      card.launch(
          shortRows.of(x.dtype()), card.blocksFor((long) rows * lanes), arguments.int32(lanes));
    } else {
      card.launch(longRows.of(x.dtype()), card.blocksForTasks(rows), arguments);
    }
  }

  @Override
  public void layerBackward(
      @Nullable Buffer dx,
      @Nullable Buffer dgamma,
      @Nullable Buffer dbeta,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      int rows,
      int columns) {
    if (dx != null && dx.elements() > 0) {
      byRow(
          layerBackwardShort,
          layerBackward,
          x,
          x.address() | dy.address() | dx.address(),
          rows,
          columns,
          Arguments.empty()
              .pointer(dx)
              .pointer(dy)
              .pointer(x)
              .pointer(gamma)
              .pointer(mean)
              .pointer(rstd)
              .int32(rows)
              .int32(columns));
    }
    if ((dgamma == null && dbeta == null) || columns == 0) {
      return;
    }
    Cut cut = Cut.of(rows, columns, x.dtype().bytes(), dy.address() | x.address());
    long partial = workspace.take(cut.bytes());
    try {
      launch(
          layerSums,
          x,
          cut,
          Arguments.empty().address(partial).pointer(dy).pointer(x).pointer(mean).pointer(rstd));
      join(
          gradientJoin,
          cut,
          Arguments.empty()
              .pointer(dgamma)
              .pointer(dbeta)
              .address(0)
              .address(partial)
              .address(0)
              .float64(0));
    } finally {
      workspace.give();
    }
  }

  @Override
  public void pixels(Buffer y, Buffer x, Buffer mean, Buffer std, int rows, int channels) {
    if (y.elements() == 0) {
      return;
    }
    card.launch(
        pixels.of(y.dtype()),
        card.blocksFor(CudaUnary.packs(y)),
        Arguments.empty()
            .pointer(y)
            .pointer(x)
            .pointer(mean)
            .pointer(std)
            .int64(y.elements())
            .int32(channels));
  }
}
