package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** y = softmax of each row of x. Sizes: rows, columns. */
final class Softmax implements Subject {
  /** Columns up to which a warp, and a block, keeps a row in registers. */
  private static final int WARP_KEEPS = 1024;

  private static final int BLOCK_KEEPS = 8192;

  @Override
  public String name() {
    return "softmax";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {
      {1, 1}, {3, 10}, {9, 33}, {17, 256}, {5, 1000}, {4, 1023}, {3, 1025}, {3, 4100}, {2, 8209}
    };
  }

  @Override
  public int[] large() {
    return new int[] {20_001, 516};
  }

  @Override
  public int[] timed() {
    return new int[] {1 << 16, 1024};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    long n = (long) sizes[0] * sizes[1];
    // A thread adds up a row by itself in the first version.
    double rounding = 2e-6 + 2e-7 * Math.sqrt(sizes[1]);
    return List.of(
        Operand.output("y", n).within(rounding, 1e-3 / sizes[1]),
        Operand.input("x", n).between(-8, 8));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    int columns = sizes[1];
    for (int row = 0; row < sizes[0]; row++) {
      double largest = Double.NEGATIVE_INFINITY;
      double sum = 0;
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        largest = Math.max(largest, at[1][i]);
      }
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        sum += Math.exp(at[1][i] - largest);
      }
      for (int i = row * columns; i < (row + 1) * columns; i++) {
        at[0][i] = Math.exp(at[1][i] - largest) / sum;
      }
    }
  }

  @Override
  public double bytes(int[] sizes) {
    return 8.0 * sizes[0] * sizes[1];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    long rows = sizes[0];
    int columns = sizes[1];
    int most = kernels.blocksThatFill();
    int warps = Math.min(most, Subject.over(rows, 8));
    int blocks = (int) Math.min(most, rows);
    String name = kernel(version);
    switch (version) {
      case 1 -> blocks = Subject.over(rows, 256);
      case 2 -> {}
      case 3, 4 -> blocks = warps;
      default -> {
        if (columns <= WARP_KEEPS) {
          blocks = warps;
        } else {
          name += columns <= BLOCK_KEEPS ? "_block" : "_long";
        }
      }
    }
    kernels.launchBlocks(name, blocks, at[0], at[1], sizes[0], columns);
  }
}
