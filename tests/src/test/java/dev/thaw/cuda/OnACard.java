package dev.thaw.cuda;

import dev.thaw.Needs;
import dev.thaw.backend.Devices;

/** The device that tests of the CUDA backend run on: a card, or the stand-in for one. */
final class OnACard {
  private OnACard() {}

  /** {@code cuda} where there is one, else {@code cuda-sim}. */
  static CudaBackend backend() {
    try {
      return (CudaBackend) Devices.get("cuda");
    } catch (IllegalStateException e) {
      return (CudaBackend) Needs.device("cuda-sim");
    }
  }
}
