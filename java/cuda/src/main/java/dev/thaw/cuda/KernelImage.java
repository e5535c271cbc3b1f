package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Our kernels as the driver loads them: the fatbin that nvcc packed into the jar. Where the jar was
 * built without nvcc, or {@code -Dthaw.cuda.kernels=DIR} names a folder with edited files, NVRTC
 * compiles the text for the card at hand, once: the result is kept under a hash of all it was made
 * from.
 */
final class KernelImage {
  private static final System.Logger LOG = System.getLogger(KernelImage.class.getName());

  /** Names a folder whose files stand in for those of the jar. */
  static final String PROPERTY = "thaw.cuda.kernels";

  private static final String FATBIN = "thaw.fatbin";

  private KernelImage() {}

  /**
   * The kernels for {@code card}.
   *
   * @throws UnavailableException when they must be compiled and cannot be; with the compiler's
   *     first error where the text is wrong
   */
  static byte[] load(Card card) throws UnavailableException {
    @Nullable String edited = System.getProperty(PROPERTY);
    try {
      if (edited == null) {
        try (InputStream packed = KernelImage.class.getResourceAsStream(FATBIN)) {
          if (packed != null) {
            return packed.readAllBytes();
          }
        }
      }
      KernelSources sources =
          edited == null ? KernelSources.read(null) : KernelSources.edited(Path.of(edited));
      return compiled(sources.files(), card);
    } catch (IOException e) {
      throw new UnavailableException("kernels: " + e.getMessage(), e);
    }
  }

  private static byte[] compiled(Map<String, String> files, Card card)
      throws IOException, UnavailableException {
    int capability = card.capability();
    Nvrtc compiler = Nvrtc.load();
    Path kept =
        CacheFolder.path()
            .resolve("kernels")
            .resolve(hash(files, compiler.version(), capability) + ".cubin");
    if (Files.isReadable(kept)) {
      return Files.readAllBytes(kept);
    }
    LOG.log(
        System.Logger.Level.INFO,
        "{0}: compiling the kernels for this card, which takes a while, and is kept in {1}",
        card.device(),
        kept.getParent());
    byte[] cubin;
    try {
      cubin = compiler.compile(KernelSources.ROOT, files, capability);
    } catch (IllegalStateException e) {
      throw new UnavailableException(String.valueOf(e.getMessage()), e);
    }
    keep(kept, cubin);
    return cubin;
  }

  /** Written aside and renamed, so that another process never reads half of it. */
  private static void keep(Path file, byte[] cubin) throws IOException {
    Path folder = Files.createDirectories(CacheFolder.path().resolve("kernels"));
    Path aside = Files.createTempFile(folder, "kernels", ".part");
    Files.write(aside, cubin);
    Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static String hash(Map<String, String> files, String compiler, int capability) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update((compiler + ' ' + capability).getBytes(UTF_8));
      files.forEach((name, text) -> digest.update(('\0' + name + '\0' + text).getBytes(UTF_8)));
      return HexFormat.of().formatHex(digest.digest(), 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
