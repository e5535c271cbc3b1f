package dev.thaw.bench.kernels;

import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import java.util.List;

/** C[m, n] = A[m, k] B[k, n]. Sizes: m, n, k. */
final class Gemm implements Subject {
  @Override
  public String name() {
    return "gemm";
  }

  @Override
  public int[][] sizes() {
    return new int[][] {{1, 1, 1}, {5, 3, 9}, {17, 70, 33}, {64, 128, 16}, {130, 132, 36}};
  }

  @Override
  public int[] large() {
    return new int[] {515, 1028, 132};
  }

  @Override
  public int[] timed() {
    return new int[] {4096, 4096, 4096};
  }

  @Override
  public List<Operand> operands(int[] sizes) {
    long m = sizes[0];
    long n = sizes[1];
    long k = sizes[2];
    return List.of(
        Operand.output("c", m * n).within(2e-6, Math.sqrt((double) k)),
        Operand.input("a", m * k),
        Operand.input("b", k * n));
  }

  @Override
  public void reference(double[][] at, int[] sizes) {
    int n = sizes[1];
    int k = sizes[2];
    for (int row = 0; row < sizes[0]; row++) {
      java.util.Arrays.fill(at[0], row * n, (row + 1) * n, 0);
      for (int i = 0; i < k; i++) {
        double a = at[1][row * k + i];
        for (int column = 0; column < n; column++) {
          at[0][row * n + column] += a * at[2][i * n + column];
        }
      }
    }
  }

  @Override
  public double bytes(int[] sizes) {
    double m = sizes[0];
    double n = sizes[1];
    double k = sizes[2];
    return 4 * (m * n + m * k + k * n);
  }

  @Override
  public double flops(int[] sizes) {
    return 2.0 * sizes[0] * sizes[1] * sizes[2];
  }

  @Override
  public void launch(int version, OwnKernels kernels, Buffer[] at, int[] sizes) {
    int blocks =
        switch (version) {
          case 1, 2 -> Subject.over((long) sizes[0] * sizes[1], 256);
          case 3 -> tiles(sizes, 16);
          case 4 -> tiles(sizes, 64);
          default -> tiles(sizes, 128);
        };
    kernels.launchBlocks(
        kernel(version), blocks, at[0], at[1], at[2], sizes[0], sizes[1], sizes[2]);
  }

  private static int tiles(int[] sizes, int side) {
    return Math.multiplyExact(Subject.over(sizes[0], side), Subject.over(sizes[1], side));
  }
}
