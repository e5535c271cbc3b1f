package dev.thaw.cuda;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;

/** The first card, or where there is none the stand-in. */
final class AnyCard {
  private AnyCard() {}

  static Backend get() {
    try {
      return Devices.get("cuda");
    } catch (IllegalStateException e) {
      return Needs.device("cuda-sim");
    }
  }
}
