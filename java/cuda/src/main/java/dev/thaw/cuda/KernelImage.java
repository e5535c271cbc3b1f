package dev.thaw.cuda;

import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** Our kernels as the driver loads them: the fatbin that nvcc packed into the jar. */
final class KernelImage {
  private static final String FATBIN = "thaw.fatbin";

  private KernelImage() {}

  /**
   * The kernels for {@code card}.
   *
   * @throws UnavailableException when the jar holds none
   */
  static byte[] load(Card card) throws UnavailableException {
    byte[] packed = resource(FATBIN);
    if (packed == null) {
      throw new UnavailableException(
          "the jar was built without nvcc and holds no kernels for " + card.device());
    }
    return packed;
  }

  private static byte @Nullable [] resource(String name) {
    try (InputStream in = KernelImage.class.getResourceAsStream(name)) {
      return in == null ? null : in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }
}
