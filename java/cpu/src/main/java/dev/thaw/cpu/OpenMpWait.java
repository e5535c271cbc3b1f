package dev.thaw.cpu;

/**
 * How long a thread of OpenMP's team stays awake when it has nothing to do. Left alone, libgomp's
 * spin for milliseconds: beside one busy process every parallel loop then takes that long. Fifty to
 * a hundred microseconds bridge the gaps between the loops of a step and cost a busy machine little
 * (measured: {@code native/openmp_wait.cpp}). {@code OMP_WAIT_POLICY} and {@code GOMP_SPINCOUNT},
 * where set, are obeyed instead.
 */
final class OpenMpWait {
  private OpenMpWait() {}

  /** Says so, before OpenMP's runtime is loaded: it reads its environment only then. */
  static native void choose();

  /** Takes the words back, which child processes would inherit. */
  static native void forget();
}
