package dev.thaw.io;

import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A safetensors file: named tensors and text metadata. The layout is a little-endian 64-bit length,
 * a JSON header of that length, and the tensors' bytes, one after the other.
 *
 * <p>Opening reads the header only; a tensor's bytes are read when asked for, by position, into
 * memory of the caller's. The file is not mapped: a mapping lives until some garbage collection,
 * and a file cut short under it would end the JVM instead of giving a message.
 *
 * <p>Reads F64, F32, F16 (as float32), BF16, I64, I32 and U8. Instances may be read by several
 * threads at once.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
public final class Safetensors implements Closeable {
  private static final long LONGEST_HEADER = 100_000_000;
  private static final int CHUNK = 4 << 20;

  private final Path file;
  private final FileChannel channel;
  private final long dataStart;
  private final Map<String, String> metadata;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private Safetensors(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    long size = channel.size();
    if (size < 8) {
      throw new BadFileException(
          file,
          0,
          "a header length in 8 bytes",
          "a file of " + size + " bytes",
          "it is not safetensors, or cut short");
    }
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    readFully(length, 0);
    long headerBytes = length.getLong(0);
    long most = Math.min(LONGEST_HEADER, size - 8);
    if (headerBytes < 2 || headerBytes > most) {
      throw new BadFileException(
          file,
          0,
          "a header length of 2 to " + most,
          Long.toUnsignedString(headerBytes),
          "it is not safetensors, or cut short");
    }
    ByteBuffer json = ByteBuffer.allocate((int) headerBytes);
    readFully(json, 8);
    this.dataStart = 8 + headerBytes;
    SafetensorsHeader header = SafetensorsHeader.parse(file, json.flip(), size - dataStart);
    this.metadata = Collections.unmodifiableMap(header.metadata());
    for (SafetensorsHeader.Item item : header.items()) {
      entries.put(item.name(), new Entry(item));
    }
  }

  /**
   * Opens a file and checks its header against its length.
   *
   * @throws BadFileException when the file is damaged or of another kind
   * @throws IOException when it cannot be read
   */
  public static Safetensors open(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file + ": there is no such file");
    }
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    try {
      return new Safetensors(file, channel);
    } catch (IOException | RuntimeException | Error e) {
      channel.close();
      throw e;
    }
  }

  /** The file's own notes, in their order; empty when it has none. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** The tensors in the order in which the header lists them. */
  public List<Entry> entries() {
    return List.copyOf(entries.values());
  }

  /** Whether the file holds a tensor of this name. */
  public boolean has(String name) {
    return entries.containsKey(name);
  }

  /**
   * The tensor of this name.
   *
   * @throws BadFileException when the file has none
   */
  public Entry entry(String name) throws BadFileException {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw new BadFileException(
          file, -1, "a tensor " + name, "only " + entries.keySet(), "check the model's name");
    }
    return entry;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** One tensor of an open file. */
  public final class Entry {
    private final SafetensorsHeader.Item item;

    private Entry(SafetensorsHeader.Item item) {
      this.item = item;
    }

    /** Its name, such as {@code layer4.1.conv2.weight}. */
    public String name() {
      return item.name();
    }

    /** The type's name in the file: F64, F32, F16, BF16, I64, I32 or U8. */
    public String format() {
      return item.type().name();
    }

    /** The type of what {@link #read} gives: the file's own, but float32 for F16. */
    public DType dtype() {
      return item.type().dtype;
    }

    /** Sizes as in the file, outermost first. */
    public Shape shape() {
      return item.shape();
    }

    /** Where its first byte lies in the file. */
    public long offset() {
      return dataStart + item.begin();
    }

    /**
     * Reads the whole tensor.
     *
     * @throws BadFileException when it takes more than 2 GiB, or the file changed since it was
     *     opened
     */
    public NdArray read() throws IOException {
      long bytes = shape().elements() * dtype().bytes();
      if (bytes > Integer.MAX_VALUE) {
        throw new BadFileException(
            file, offset(), "at most 2 GiB for " + name(), bytes + " bytes", "split the tensor");
      }
      ByteBuffer data = NdArray.allocate(bytes);
      read(data);
      return new NdArray(dtype(), shape(), data.flip());
    }

    /**
     * Reads the tensor into {@code destination} at its position, which moves past it, in little
     * endian: the way to load a large model through one staging buffer.
     *
     * @param destination with room for shape().elements() · dtype().bytes() bytes
     * @throws BadFileException when the file changed since it was opened
     */
    public void read(ByteBuffer destination) throws IOException {
      long bytes = shape().elements() * dtype().bytes();
      Check.that(
          bytes <= destination.remaining(),
          "safetensors: %s takes %d bytes, the buffer has room for %d",
          name(),
          bytes,
          destination.remaining());
      if (item.type() == SafetensorsHeader.Type.F16) {
        readHalves(destination);
        return;
      }
      ByteBuffer window = destination.slice().limit((int) bytes);
      readFully(window, offset());
      destination.position(destination.position() + (int) bytes);
    }

    private void readHalves(ByteBuffer destination) throws IOException {
      ByteBuffer floats = destination.slice().order(ByteOrder.LITTLE_ENDIAN);
      ByteBuffer halves =
          ByteBuffer.allocate((int) Math.min(CHUNK, item.end() - item.begin()))
              .order(ByteOrder.LITTLE_ENDIAN);
      for (long at = item.begin(); at < item.end(); at += halves.limit()) {
        halves.clear().limit((int) Math.min(halves.capacity(), item.end() - at));
        readFully(halves, dataStart + at);
        for (int i = 0; i < halves.limit(); i += 2) {
          floats.putFloat(Half.toFloat(halves.getShort(i)));
        }
      }
      destination.position(destination.position() + floats.position());
    }
  }

  /**
   * A tensor to be written. Its bytes are asked for when their turn comes, so that a model on a
   * device passes through host memory one tensor at a time.
   *
   * @param name unique in the file
   * @param dtype type of an element
   * @param shape sizes, outermost first
   * @param data gives the bytes, little endian, between position and limit; called once
   */
  public record Source(String name, DType dtype, Shape shape, Supplier<ByteBuffer> data) {}

  /**
   * Writes a file, aside first ({@link AtomicFile}).
   *
   * <p>The header lists metadata and tensors in the given order. The data lie widest element first,
   * in the given order among equals, because the format allows no gaps: so every tensor is aligned
   * to its own element, and the data begin at a multiple of 8.
   *
   * @param file the final name
   * @param metadata the file's own notes; may be empty
   * @param tensors what it holds
   * @throws IllegalArgumentException when a name is used twice or reserved, or a source gives the
   *     wrong number of bytes; the old file is kept
   * @throws IOException when it cannot be written; the old file is kept
   */
  public static void write(Path file, Map<String, String> metadata, List<Source> tensors)
      throws IOException {
    List<Source> layout = new ArrayList<>(tensors);
    layout.sort(Comparator.comparingInt((Source s) -> s.dtype.bytes()).reversed());
    Map<String, SafetensorsHeader.Item> items = new LinkedHashMap<>();
    long next = 0;
    for (Source s : layout) {
      long end = next + s.shape.elements() * s.dtype.bytes();
      SafetensorsHeader.Item item =
          new SafetensorsHeader.Item(
              s.name, SafetensorsHeader.Type.of(s.dtype), s.shape, next, end);
      Check.that(items.put(s.name, item) == null, "safetensors: two tensors are named %s", s.name);
      next = end;
    }
    Check.that(
        !items.containsKey(SafetensorsHeader.METADATA),
        "safetensors: the name %s is reserved",
        SafetensorsHeader.METADATA);
    List<SafetensorsHeader.Item> listed = new ArrayList<>();
    for (Source s : tensors) {
      listed.add(items.get(s.name));
    }
    byte[] header = new SafetensorsHeader(metadata, listed).bytes();
    AtomicFile.write(
        file,
        out -> {
          AtomicFile.writeFully(out, ByteBuffer.wrap(header));
          for (Source s : layout) {
            // The constructor holds the bytes to shape and type.
            AtomicFile.writeFully(out, new NdArray(s.dtype, s.shape, s.data.get()).data());
          }
        });
  }

  /** As {@link #write(Path, Map, List)}, from arrays by name, in the map's order. */
  public static void write(Path file, Map<String, String> metadata, Map<String, NdArray> tensors)
      throws IOException {
    List<Source> sources = new ArrayList<>();
    tensors.forEach((name, a) -> sources.add(new Source(name, a.dtype(), a.shape(), a::data)));
    write(file, metadata, sources);
  }

  /** Fills {@code bytes} from a place in the file, in pieces: the JDK copies heap buffers. */
  private void readFully(ByteBuffer bytes, long position) throws IOException {
    long at = position;
    int end = bytes.limit();
    while (bytes.position() < end) {
      bytes.limit(Math.min(end, bytes.position() + CHUNK));
      int n = channel.read(bytes, at);
      if (n < 0) {
        throw new BadFileException(
            file,
            at,
            (end - bytes.position()) + " more bytes",
            "the end of the file",
            "it was changed while it was open: open it again");
      }
      at += n;
    }
  }
}
