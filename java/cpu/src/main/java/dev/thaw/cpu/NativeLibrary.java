package dev.thaw.cpu;

import dev.thaw.backend.UnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * Brings oneDNN and our loops into the process, in this order: oneDNN's jar carries the OpenMP
 * runtime, and a library that is loaded later and asks for {@code libgomp.so.1} gets the one that
 * is there, so that both share one team of threads. Before it goes a small library that says how
 * long the team's threads wait awake ({@link OpenMpWait}).
 *
 * <p>Our libraries travel in the jar. From a folder of classes they are loaded where they lie; from
 * a jar they are first copied to {@code ~/.cache/thaw/(hash of its bytes)/} ({@code -Dthaw.cache}
 * names another folder). The hash makes a stale copy impossible; the copy is written aside and
 * renamed, so that virtual machines that start at once never see half of it.
 */
final class NativeLibrary {
  /** What {@code thaw_abi_version} must answer. */
  static final int ABI_VERSION = 5;

  private static final String LOOPS = "libthaw_cpu.so";
  private static final String WAIT = "libthaw_wait.so";

  private NativeLibrary() {}

  /**
   * Loads what is not loaded yet and chooses the instruction set.
   *
   * @throws UnavailableException when the platform is another one or loading fails
   */
  static synchronized void load() throws UnavailableException {
    String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!platform.toLowerCase(Locale.ROOT).equals("linux amd64")) {
      throw new UnavailableException(
          "its native library is built for linux-x86_64, this is " + platform + "; use plain");
    }
    JavaCppMemory.switchOffAccounting();
    try {
      System.load(locate(WAIT).toString());
      OpenMpWait.choose();
      Loader.load(org.bytedeco.dnnl.global.dnnl.class);
      OpenMpWait.forget();
      System.load(locate(LOOPS).toString());
    } catch (LinkageError e) {
      throw new UnavailableException(
          "loading native code failed: "
              + e.getMessage()
              + "; it needs glibc 2.34 or newer and a cache folder that allows execution"
              + " (-Dthaw.cache, -Dorg.bytedeco.javacpp.cachedir)",
          e);
    } catch (IOException e) {
      throw new UnavailableException(
          "unpacking native code failed: " + e.getMessage() + "; -Dthaw.cache names the folder", e);
    }
    int version = Native.thaw_abi_version();
    if (version != ABI_VERSION) {
      throw new UnavailableException(
          LOOPS + " has interface " + version + ", this jar needs " + ABI_VERSION + "; rebuild it");
    }
    chooseIsa();
  }

  private static void chooseIsa() throws UnavailableException {
    @Nullable String wanted = System.getProperty("thaw.isa", System.getenv("THAW_ISA"));
    if (wanted == null) {
      Native.thaw_choose_isa(Isa.values().length - 1);
      return;
    }
    Isa isa;
    try {
      isa = Isa.valueOf(wanted.toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new UnavailableException(
          "thaw.isa is '" + wanted + "', say generic, avx2 or avx512", e);
    }
    int chosen = Native.thaw_choose_isa(isa.ordinal());
    if (chosen != isa.ordinal()) {
      throw new UnavailableException(
          "thaw.isa is " + wanted + ", but this processor has " + Isa.values()[chosen]);
    }
  }

  /** The library of that name as a file. */
  private static Path locate(String name) throws IOException {
    String path = "linux-x86_64/" + name;
    URL resource = NativeLibrary.class.getResource(path);
    if (resource == null) {
      throw new IOException("the jar of thaw-cpu does not hold " + path);
    }
    if (resource.getProtocol().equals("file")) {
      try {
        return Path.of(resource.toURI());
      } catch (URISyntaxException e) {
        throw new IOException("not a file name: " + resource, e);
      }
    }
    byte[] bytes;
    try (InputStream in = resource.openStream()) {
      bytes = in.readAllBytes();
    }
    return extract(name, bytes, cacheFolder());
  }

  /**
   * {@code bytes} as a file {@code name} below {@code cache}; written unless it is there already.
   */
  static Path extract(String name, byte[] bytes, Path cache) throws IOException {
    Path folder = Files.createDirectories(cache.resolve(hash(bytes)));
    Path file = folder.resolve(name);
    if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), bytes)) {
      return file;
    }
    Path aside = Files.createTempFile(folder, name, ".part");
    try {
      try (FileChannel out = FileChannel.open(aside, StandardOpenOption.WRITE)) {
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
          out.write(rest);
        }
        out.force(true);
      }
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(aside);
    }
    return file;
  }

  private static Path cacheFolder() {
    @Nullable String chosen = System.getProperty("thaw.cache");
    if (chosen != null) {
      return Path.of(chosen);
    }
    @Nullable String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isEmpty()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("thaw");
  }

  private static String hash(byte[] bytes) {
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return HexFormat.of().formatHex(digest, 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
