package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** y[columns, rows] = x[rows, columns]. Sizes: rows, columns. */
final class Transpose implements Subject {
  @Override
  public String name() {
    return "transpose";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{1, 1}, {1, 37}, {33, 31}, {64, 64}, {68, 132}, {127, 250}};
  }

  @Override
  public int[] large() {
    return new int[] {2052, 4100};
  }

  @Override
  public int[] timed() {
    return new int[] {8192, 8192};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    long n = (long) sizes[0] * sizes[1];
    return List.of(Operand.output("y", n), Operand.input("x", n));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    for (int r = 0; r < sizes[0]; r++) {
      for (int c = 0; c < sizes[1]; c++) {
        at[0][c * sizes[0] + r] = at[1][r * sizes[1] + c];
      }
    }
  }

  @Override
  public double bytes(int[] sizes) {
    return 8.0 * sizes[0] * sizes[1];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    int blocks =
        switch (version) {
          case 1, 2 -> Subject.over((long) sizes[0] * sizes[1], 256);
          case 3, 4 -> tiles(sizes, 32);
          default -> tiles(sizes, 64);
        };
    kernels.launchBlocks(kernel(version), blocks, at[0], at[1], sizes[0], sizes[1]);
  }

  private static int tiles(int[] sizes, int side) {
    return Math.multiplyExact(Subject.over(sizes[0], side), Subject.over(sizes[1], side));
  }
}
