package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** dx, dgamma and dbeta of batch norm over x [rows, channels]. Sizes: rows, channels. */
final class BatchNormBackward implements Subject {
  @Override
  public String name() {
    return "batchnorm_backward";
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
    double sum = Math.sqrt(sizes[0]);
    return List.of(
        Operand.output("dx", n).within(rounding, 1),
        Operand.output("dgamma", channels).within(rounding, sum),
        Operand.output("dbeta", channels).within(rounding, sum),
        Operand.scratch("partial", 2L * Pieces.most(sizes[0]) * channels),
        Operand.scratch("line", 3L * channels),
        Operand.input("dy", n),
        Operand.input("x", n).between(0.5, 2.5),
        Operand.input("gamma", channels),
        Operand.input("mean", channels).between(1.4, 1.6),
        Operand.input("rstd", channels).between(1.5, 2));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    int rows = sizes[0];
    int channels = sizes[1];
    for (int c = 0; c < channels; c++) {
      double mean = at[8][c];
      double rstd = at[9][c];
      double sum = 0;
      double product = 0;
      for (int r = 0; r < rows; r++) {
        int i = r * channels + c;
        sum += at[5][i];
        product += at[5][i] * (at[6][i] - mean) * rstd;
      }
      for (int r = 0; r < rows; r++) {
        int i = r * channels + c;
        double normal = (at[6][i] - mean) * rstd;
        at[0][i] = at[7][c] * rstd * (at[5][i] - sum / rows - normal * product / rows);
      }
      at[1][c] = product;
      at[2][c] = sum;
    }
  }

  /** dy and x are read for the sums, and once more for dx. */
  @Override
  public double bytes(int[] sizes) {
    return 20.0 * sizes[0] * sizes[1];
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
          kernel(version),
          blocks,
          at[0],
          at[1],
          at[2],
          at[5],
          at[6],
          at[7],
          at[8],
          at[9],
          rows,
          channels);
      return;
    }
    Pieces cut = Pieces.of(rows, channels, version > 4);
    // Lanes of one channel sum as the fourth version does, the sixth version as the fifth.
    String sums = kernel(cut.wide() ? 5 : 4) + "_pieces";
    kernels.launchBlocks(
        sums, cut.blocks(), at[3], at[5], at[6], at[8], at[9], rows, channels, cut.length());
    kernels.launch(
        "batchnorm_backward_join",
        32L * channels,
        at[1],
        at[2],
        version == 4 ? null : at[4],
        at[3],
        at[7],
        at[8],
        at[9],
        rows,
        channels,
        cut.length());
    if (version == 4) {
      kernels.launchBlocks(
          kernel(4),
          cut.blocks(),
          at[0],
          at[5],
          at[6],
          at[7],
          at[8],
          at[9],
          at[1],
          at[2],
          rows,
          channels,
          cut.length());
    } else {
      kernels.launchBlocks(
          cut.named(kernel(version)),
          cut.blocks(),
          at[0],
          at[5],
          at[6],
          at[4],
          rows,
          channels,
          cut.length());
    }
  }
}
