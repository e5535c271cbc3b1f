package dev.thaw.io;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The JSON at the start of a safetensors file, read with suspicion: it is the only part of the file
 * that can lie. A header is believed when its tensors fill the bytes after it exactly, without a
 * hole, an overlap or a byte too many.
 */
record SafetensorsHeader(Map<String, String> metadata, List<Item> items) {
  static final String METADATA = "__metadata__";
  private static final int MOST_DIMENSIONS = 64;

  /** One tensor; begin and end count from the first byte after the header. */
  record Item(String name, Type type, Shape shape, long begin, long end) {}

  /** The types that are read, by their name in the file. */
  enum Type {
    F64(DType.FLOAT64, 8),
    F32(DType.FLOAT32, 4),
    F16(DType.FLOAT32, 2),
    BF16(DType.BFLOAT16, 2),
    I64(DType.INT64, 8),
    I32(DType.INT32, 4),
    U8(DType.UINT8, 1);

    /** What an element becomes in memory: itself, but for F16, which widens. */
    final DType dtype;

    /** Size of an element in the file. */
    final int bytes;

    Type(DType dtype, int bytes) {
      this.dtype = dtype;
      this.bytes = bytes;
    }

    static @Nullable Type named(String name) {
      for (Type t : values()) {
        if (t.name().equals(name)) {
          return t;
        }
      }
      return null;
    }

    /** The type under which {@code dtype} is written. */
    static Type of(DType dtype) {
      return switch (dtype) {
        case FLOAT64 -> F64;
        case FLOAT32 -> F32;
        case BFLOAT16 -> BF16;
        case INT64 -> I64;
        case INT32 -> I32;
        case UINT8 -> U8;
      };
    }
  }

  /**
   * Reads and checks a header.
   *
   * @param file for messages
   * @param json the bytes between the length and the data
   * @param dataBytes how many bytes follow the header
   */
  static SafetensorsHeader parse(Object file, ByteBuffer json, long dataBytes) throws IOException {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(json).toString();
    } catch (CharacterCodingException e) {
      throw new BadFileException(
          file, 8, "a header in UTF-8", "other bytes", "the file is damaged: copy it again", e);
    }
    return new Parser(file, text).parse(dataBytes);
  }

  /** Header and its length, padded with spaces so that the data begin at a multiple of 8. */
  byte[] bytes() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(new byte[8]);
    try (JsonGenerator json = Json.FACTORY.createGenerator(out)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(METADATA);
        for (Map.Entry<String, String> e : metadata.entrySet()) {
          json.writeStringField(e.getKey(), e.getValue());
        }
        json.writeEndObject();
      }
      for (Item item : items) {
        json.writeObjectFieldStart(item.name);
        json.writeStringField("dtype", item.type.name());
        json.writeFieldName("shape");
        int[] dims = item.shape.dims();
        json.writeArray(dims, 0, dims.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {item.begin, item.end}, 0, 2);
        json.writeEndObject();
      }
      json.writeEndObject();
    }
    while (out.size() % 8 != 0) {
      out.write(' ');
    }
    byte[] bytes = out.toByteArray();
    for (int i = 0; i < 8; i++) {
      bytes[i] = (byte) ((bytes.length - 8L) >>> (8 * i));
    }
    return bytes;
  }

  /** Reads one header token by token; nothing is kept that the file does not hold. */
  private static final class Parser {
    private final Object file;
    private final String text;
    private final JsonParser json;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<Item> items = new ArrayList<>();

    Parser(Object file, String text) throws IOException {
      this.file = file;
      this.text = text;
      this.json = Json.FACTORY.createParser(text);
    }

    SafetensorsHeader parse(long dataBytes) throws IOException {
      try (json) {
        if (!text.startsWith("{")) {
          throw refusal("a header that starts with {", text.isEmpty() ? "nothing" : text);
        }
        json.nextToken();
        while (json.nextToken() != JsonToken.END_OBJECT) {
          String name = json.currentName();
          if (json.nextToken() != JsonToken.START_OBJECT) {
            throw refusal("an object for " + name, json.getText());
          }
          if (name.equals(METADATA)) {
            metadata();
          } else {
            items.add(item(name));
          }
        }
        if (json.nextToken() != null) {
          throw refusal("only spaces after the header's object", json.getText());
        }
      } catch (JsonProcessingException e) {
        throw Json.refusal(file + " (header)", e);
      }
      checkTiling(dataBytes);
      return new SafetensorsHeader(metadata, items);
    }

    private void metadata() throws IOException {
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        if (json.nextToken() != JsonToken.VALUE_STRING) {
          throw refusal("text for metadata " + key, json.getText());
        }
        metadata.put(key, json.getText());
      }
    }

    private Item item(String name) throws IOException {
      Type type = null;
      long[] shape = null;
      long[] offsets = null;
      while (json.nextToken() != JsonToken.END_OBJECT) {
        String key = json.currentName();
        json.nextToken();
        switch (key) {
          case "dtype" -> {
            String found = json.getText();
            type = Type.named(found);
            if (type == null) {
              throw refusal(
                  "one of " + Arrays.toString(Type.values()) + " as dtype of " + name, found);
            }
          }
          case "shape" -> shape = integers(name, key);
          case "data_offsets" -> offsets = integers(name, key);
          default -> throw refusal("dtype, shape and data_offsets for " + name, key);
        }
      }
      if (type == null || shape == null || offsets == null || offsets.length != 2) {
        throw refusal("dtype, shape and two data_offsets for " + name, "less or more");
      }
      int[] dims = new int[shape.length];
      long bytes = type.bytes;
      boolean empty = false;
      for (int i = 0; i < shape.length; i++) {
        dims[i] = (int) shape[i];
        empty |= shape[i] == 0;
        long factor = Math.max(1, shape[i]); // a zero must not hide that the others overflow
        if (shape[i] != dims[i] || Math.multiplyHigh(bytes, factor) != 0 || bytes * factor < 0) {
          throw refusal(
              "sizes below 2^31 and fewer than 2^63 bytes for " + name, Arrays.toString(shape));
        }
        bytes *= factor;
      }
      if (offsets[1] - offsets[0] != (empty ? 0 : bytes)) {
        throw refusal(
            (empty ? 0 : bytes) + " bytes for " + name + ", " + type + " " + Arrays.toString(dims),
            (offsets[1] - offsets[0]) + " between its data_offsets");
      }
      return new Item(name, type, Shape.of(dims), offsets[0], offsets[1]);
    }

    private long[] integers(String name, String key) throws IOException {
      if (json.currentToken() != JsonToken.START_ARRAY) {
        throw refusal("a list of integers as " + key + " of " + name, json.getText());
      }
      long[] values = new long[MOST_DIMENSIONS];
      int n = 0;
      while (json.nextToken() != JsonToken.END_ARRAY) {
        boolean whole =
            json.currentToken() == JsonToken.VALUE_NUMBER_INT
                && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
        if (!whole || json.getLongValue() < 0) {
          throw refusal("integers from 0 to 2^63 - 1 as " + key + " of " + name, json.getText());
        }
        if (n == MOST_DIMENSIONS) {
          throw refusal(
              "at most " + MOST_DIMENSIONS + " numbers as " + key + " of " + name, "more");
        }
        values[n++] = json.getLongValue();
      }
      return Arrays.copyOf(values, n);
    }

    /**
     * In the order of their offsets the tensors must follow each other from 0 to the file's end.
     */
    private void checkTiling(long dataBytes) throws IOException {
      List<Item> byOffset = new ArrayList<>(items);
      byOffset.sort(Comparator.comparingLong(Item::begin).thenComparingLong(Item::end));
      long next = 0;
      for (Item item : byOffset) {
        if (item.begin != next) {
          throw refusal(
              "the data of " + item.name + " to begin at " + next,
              item.begin + (item.begin < next ? ", an overlap" : ", a hole"));
        }
        next = item.end;
      }
      if (next != dataBytes) {
        throw new BadFileException(
            file,
            -1,
            next + " bytes of data after the header, as its tensors need",
            dataBytes + " bytes",
            next > dataBytes
                ? "the file is cut short: copy it again"
                : "something was appended: copy it again");
      }
    }

    private BadFileException refusal(String expected, String found) {
      return new BadFileException(
          file + " (header)",
          8 + json.currentLocation().getCharOffset(),
          expected,
          found,
          "the file is damaged or not safetensors: fetch or write it again");
    }
  }
}
