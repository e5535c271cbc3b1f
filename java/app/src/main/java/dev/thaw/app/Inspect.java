package dev.thaw.app;

import dev.thaw.io.Json;
import dev.thaw.io.NdArray;
import dev.thaw.io.Npy;
import dev.thaw.io.Npz;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Says what a weight file holds; reads headers, and of compressed archives the arrays. */
@Command(
    name = "inspect",
    description =
        "Tensors, shapes, types, counts, metadata and preprocessing of a safetensors, npy or npz"
            + " file.")
final class Inspect extends Subcommand {
  private static final byte[] NPY = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final byte[] ZIP = {'P', 'K', 3, 4};

  @Parameters(paramLabel = "FILE", description = "The file; what it is shows in its first bytes.")
  private Path file;

  /** One line of the list. */
  private record Item(String name, String type, Shape shape, long bytes) {}

  @Override
  Map<String, Object> run() throws IOException {
    byte[] start = start();
    List<Item> items = new ArrayList<>();
    Map<String, Object> metadata = new LinkedHashMap<>();
    String format;
    if (startsWith(start, NPY)) {
      format = "npy";
      items.add(item("array", Npy.read(file)));
    } else if (startsWith(start, ZIP)) {
      format = "npz";
      npz(items);
    } else {
      format = "safetensors";
      safetensors(items, metadata);
    }
    return report(format, items, metadata);
  }

  private byte[] start() throws IOException {
    if (Files.isDirectory(file)) {
      throw new BadFileException(
          file, -1, "a file", "a folder", "name a safetensors, npy or npz file in it");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(NPY.length);
    }
  }

  private static boolean startsWith(byte[] bytes, byte[] magic) {
    return bytes.length >= magic.length
        && Arrays.equals(bytes, 0, magic.length, magic, 0, magic.length);
  }

  private static Item item(String name, NdArray array) {
    long bytes = array.shape().elements() * array.dtype().bytes();
    return new Item(name, array.dtype().toString(), array.shape(), bytes);
  }

  private void npz(List<Item> items) throws IOException {
    try (Npz arrays = Npz.open(file)) {
      if (arrays.names().isEmpty()) {
        throw new BadFileException(
            file, -1, "a zip with .npy entries", "none", "save it with numpy.savez");
      }
      for (String name : arrays.names()) {
        items.add(item(name, arrays.read(name)));
      }
    }
  }

  private void safetensors(List<Item> items, Map<String, Object> metadata) throws IOException {
    try (Safetensors tensors = Safetensors.open(file)) {
      for (Safetensors.Entry e : tensors.entries()) {
        long bytes = e.shape().elements() * (e.format().equals("F16") ? 2 : e.dtype().bytes());
        items.add(new Item(e.name(), e.format(), e.shape(), bytes));
      }
      tensors.metadata().forEach((key, value) -> metadata.put(key, parsed(key, value)));
    }
  }

  /** Thaw's own keys hold JSON, most of them; what does not parse is shown as the text it is. */
  private static @Nullable Object parsed(String key, String value) {
    boolean structured =
        key.startsWith("thaw.") && (value.startsWith("[") || value.startsWith("{"));
    if (!structured) {
      return value;
    }
    try {
      return Json.read(value, key);
    } catch (IOException e) {
      return value;
    }
  }

  private Map<String, Object> report(
      String format, List<Item> items, Map<String, Object> metadata) {
    int width = 6;
    long elements = 0;
    long bytes = 0;
    List<Map<String, Object>> list = new ArrayList<>();
    for (Item item : items) {
      width = Math.max(width, item.name.length());
      elements += item.shape.elements();
      bytes += item.bytes;
      list.add(
          fields(
              "name",
              item.name,
              "dtype",
              item.type,
              "shape",
              Arrays.stream(item.shape.dims()).boxed().toList(),
              "elements",
              item.shape.elements()));
    }
    print("%s: %s", file, format);
    for (Map.Entry<String, Object> e : metadata.entrySet()) {
      Object value = e.getValue();
      print("  %s: %s", e.getKey(), value instanceof String ? value : Json.write(value));
    }
    String row = "%-" + width + "s  %-8s %-22s %14s";
    print(row, "tensor", "type", "shape", "elements");
    for (Item item : items) {
      String count = String.format(Locale.ROOT, "%,d", item.shape.elements());
      print(row, BadFileException.oneLine(item.name), item.type, item.shape, count);
    }
    print("%d tensors, %,d elements, %,d bytes", items.size(), elements, bytes);
    return fields(
        "file", file.toString(),
        "format", format,
        "tensors", list,
        "elements", elements,
        "bytes", bytes,
        "metadata", metadata);
  }
}
