package dev.thaw.io;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * numpy's archive of named arrays: a zip of .npy files.
 *
 * <p>Opening reads the zip's directory only. An array is unpacked when asked for, into memory that
 * grows as bytes arrive: an entry that lies about its size, or that cannot be what it claims at
 * deflate's best ratio, is refused before the memory is spent.
 */
public final class Npz implements Closeable {
  private static final String SUFFIX = ".npy";

  /** Deflate packs at most 258 bytes into two bits; a little is added for tiny entries. */
  private static final long BEST_RATIO = 1032;

  private final Path file;
  private final ZipFile zip;
  private final Map<String, ZipEntry> entries = new LinkedHashMap<>();

  private Npz(Path file, ZipFile zip) throws IOException {
    this.file = file;
    this.zip = zip;
    for (ZipEntry e : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
      String name = e.getName();
      if (name.endsWith(SUFFIX)) {
        String array = name.substring(0, name.length() - SUFFIX.length());
        if (entries.put(array, e) != null) {
          throw new BadFileException(
              file, -1, "each array once", array + " twice", "save it again with numpy.savez");
        }
      }
    }
  }

  /**
   * Opens an archive.
   *
   * @throws BadFileException when it is no zip or a damaged one
   * @throws IOException when it cannot be read
   */
  public static Npz open(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file + ": there is no such file");
    }
    ZipFile zip;
    try {
      zip = new ZipFile(file.toFile());
    } catch (ZipException | IllegalArgumentException e) { // the latter for names that are no UTF-8
      throw damaged(file, e);
    }
    try {
      return new Npz(file, zip);
    } catch (IOException | RuntimeException | Error e) {
      zip.close();
      throw e;
    }
  }

  /** Names of the arrays, in the order of the zip's directory. */
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  /**
   * Reads one array.
   *
   * @throws BadFileException when there is none of this name, it is damaged, or larger than 2 GiB
   */
  public NdArray read(String name) throws IOException {
    ZipEntry entry = entries.get(name);
    if (entry == null) {
      throw new BadFileException(
          file, -1, "an array " + name, "only " + names(), "save it with numpy.savez");
    }
    String source = file + "!" + entry.getName();
    if (entry.getSize() > (entry.getCompressedSize() + 64) * BEST_RATIO) {
      throw new BadFileException(
          source,
          -1,
          "at most " + BEST_RATIO + " times its packed size, " + entry.getCompressedSize(),
          entry.getSize() + " bytes",
          "the file is damaged");
    }
    CRC32 crc = new CRC32();
    try (InputStream in = new CheckedInputStream(zip.getInputStream(entry), crc)) {
      NdArray array = Npy.read(in, entry.getSize(), entry.getCompressedSize(), source);
      if (in.read() >= 0 || crc.getValue() != entry.getCrc()) {
        throw new BadFileException(
            source,
            -1,
            "the checksum " + Long.toHexString(entry.getCrc()),
            Long.toHexString(crc.getValue()),
            "the file is damaged: copy it again");
      }
      return array;
    } catch (ZipException | EOFException e) {
      throw damaged(source, e);
    }
  }

  @Override
  public void close() throws IOException {
    zip.close();
  }

  /**
   * Writes an archive, deflated, aside first ({@link AtomicFile}). The same arrays give the same
   * bytes: entries bear a fixed date.
   *
   * @param arrays by name, in the map's order
   * @throws IOException when it cannot be written; what was there before is kept
   */
  public static void write(Path file, Map<String, NdArray> arrays) throws IOException {
    AtomicFile.write(
        file,
        out -> {
          ZipOutputStream zip =
              new ZipOutputStream(new BufferedOutputStream(Channels.newOutputStream(out), 1 << 16));
          for (Map.Entry<String, NdArray> e : arrays.entrySet()) {
            Check.that(!e.getKey().isEmpty(), "npz: an array has no name");
            NdArray a = e.getValue().widened();
            ZipEntry entry = new ZipEntry(e.getKey() + SUFFIX);
            entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
            zip.putNextEntry(entry);
            zip.write(NpyHeader.write(a.dtype(), a.shape()));
            WritableByteChannel body = Channels.newChannel(zip);
            body.write(a.data());
            zip.closeEntry();
          }
          zip.finish();
          zip.flush();
        });
  }

  private static BadFileException damaged(Object source, Exception e) {
    return new BadFileException(
        source, -1, "a whole zip archive", e.getMessage() + "", "copy or save it again", e);
  }
}
