package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** y, mean and rstd of x [rows, channels]. Sizes: rows, channels. */
final class BatchNormForward implements Subject {
  private static final float EPS = 1e-5f;

  @Override
  public String name() {
    return "batchnorm_forward";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{7, 1}, {8, 3}, {65, 33}, {200, 32}, {129, 132}, {1003, 12}};
  }

  @Override
  public int[] large() {
    return new int[] {40_003, 260};
  }

  @Override
  public int[] timed() {
    return new int[] {32 * 56 * 56, 256};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    long n = (long) sizes[0] * sizes[1];
    int channels = sizes[1];
    // A thread adds up a channel by itself in the first version.
    double rounding = 5e-6 + 1e-7 * Math.sqrt(sizes[0]);
    return List.of(
        Operand.output("y", n).within(rounding, 1),
        Operand.output("mean", channels).within(rounding, 1),
        Operand.output("rstd", channels).within(rounding, 1),
        Operand.scratch("partial", 2L * Pieces.most(sizes[0]) * channels),
        Operand.input("x", n).between(0.5, 2.5),
        Operand.input("gamma", channels),
        Operand.input("beta", channels));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    int rows = sizes[0];
    int channels = sizes[1];
    for (int c = 0; c < channels; c++) {
      double mean = 0;
      double squares = 0;
      for (int r = 0; r < rows; r++) {
        mean += at[4][r * channels + c] / rows;
      }
      for (int r = 0; r < rows; r++) {
        double d = at[4][r * channels + c] - mean;
        squares += d * d;
      }
      double rstd = 1 / Math.sqrt(squares / rows + EPS);
      for (int r = 0; r < rows; r++) {
        double d = at[4][r * channels + c] - mean;
        at[0][r * channels + c] = d * rstd * at[5][c] + at[6][c];
      }
      at[1][c] = mean;
      at[2][c] = rstd;
    }
  }

  /** x is read for its statistics, and once more for y. */
  @Override
  public double bytes(int[] sizes) {
    return 12.0 * sizes[0] * sizes[1];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    int rows = sizes[0];
    int channels = sizes[1];
    if (version <= 3) {
      int blocks =
          switch (version) {
            case 1 -> Subject.over(channels, 256);
            case 2 -> channels;
            default -> Subject.over(channels, 32);
          };
      kernels.launchBlocks(
          kernel(version), blocks, at[0], at[1], at[2], at[4], at[5], at[6], rows, channels, EPS);
      return;
    }
    Pieces cut = Pieces.of(rows, channels, version > 4);
    // The sixth version sums as the fifth does.
    String sums = kernel(version == 6 ? 5 : version) + "_pieces";
    kernels.launchBlocks(
        version == 4 ? sums : cut.named(sums),
        cut.blocks(),
        at[3],
        at[4],
        rows,
        channels,
        cut.length());
    kernels.launch(
        "batchnorm_forward_join",
        32L * channels,
        at[1],
        at[2],
        at[3],
        rows,
        channels,
        cut.length(),
        EPS);
    kernels.launchBlocks(
        version == 4 ? kernel(4) : cut.named(kernel(version)),
        cut.blocks(),
        at[0],
        at[4],
        at[1],
        at[2],
        at[5],
        at[6],
        rows,
        channels,
        cut.length());
  }
}
