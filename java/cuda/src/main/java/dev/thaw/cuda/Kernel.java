package dev.thaw.cuda;

import org.bytedeco.cuda.cudart.CUfunc_st;
import org.jspecify.annotations.Nullable;

/** One of our kernels, looked up in the module when it is first launched. */
final class Kernel {
  private final Kernels home;
  private final String name;
  private volatile @Nullable CUfunc_st function;

  Kernel(Kernels home, String name) {
    this.home = home;
    this.name = name;
  }

  /** The driver's handle. */
  CUfunc_st function() {
    CUfunc_st known = function;
    if (known == null) {
      known = home.function(name);
      function = known;
    }
    return known;
  }

  @Override
  public String toString() {
    return name;
  }
}
