package dev.thaw.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Check;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * JSON as plain Java values: an object is a {@link Map} that keeps its order, an array a {@link
 * List}, a number a {@link Long} or a {@link Double}, and text, truth and null themselves.
 *
 * <p>A name that occurs twice in one object is refused, not resolved. NaN and infinities, which
 * JSON lacks, are written as the texts {@code "NaN"}, {@code "Infinity"} and {@code "-Infinity"}: a
 * run that diverged must say so, and {@code Double.parseDouble} reads them back.
 */
public final class Json {
  // Names are not pooled across documents: they come from files and would be kept for good.
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private Json() {}

  /**
   * The one value that {@code text} holds.
   *
   * @param text a whole JSON document
   * @param source where it came from, for messages
   * @throws BadFileException when it is not JSON, repeats a name, nests deeper than 500, holds an
   *     integer beyond 64 bits or goes on after the value
   */
  public static @Nullable Object read(String text, Object source) throws IOException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      parser.nextToken();
      Object value = value(parser, source);
      if (parser.nextToken() != null) {
        throw refusal(parser, source, "the end of the text", parser.getText());
      }
      return value;
    } catch (JsonProcessingException e) {
      throw refusal(source, e);
    }
  }

  /**
   * The object that {@code text} holds, in its order.
   *
   * @param text a whole JSON document
   * @param source where it came from, for messages
   * @throws BadFileException as {@link #read}, and when the value is not an object
   */
  @SuppressWarnings("unchecked") // value() builds maps with text keys only
  public static Map<String, Object> readObject(String text, Object source) throws IOException {
    if (read(text, source) instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw new BadFileException(
        source, 0, "a JSON object", text.strip(), "give an object: {\"name\": value}");
  }

  /**
   * {@code value} as JSON on one line.
   *
   * @param value of maps, iterables, texts, numbers, booleans and null
   * @throws IllegalArgumentException when it holds anything else
   */
  public static String write(@Nullable Object value) {
    return write(value, false);
  }

  /** As {@link #write(Object)}, a line for each member, indented by two spaces. */
  public static String writeIndented(@Nullable Object value) {
    return write(value, true);
  }

  private static String write(@Nullable Object value, boolean indented) {
    StringWriter text = new StringWriter();
    try (JsonGenerator out = FACTORY.createGenerator(text)) {
      if (indented) {
        DefaultIndenter twoSpaces = new DefaultIndenter("  ", "\n");
        out.setPrettyPrinter(
            new DefaultPrettyPrinter()
                .withObjectIndenter(twoSpaces)
                .withArrayIndenter(twoSpaces)
                .withSeparators(
                    Separators.createDefaultInstance()
                        .withObjectFieldValueSpacing(Separators.Spacing.AFTER)));
      }
      value(out, value);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a StringWriter does not fail
    }
    return text.toString();
  }

  private static @Nullable Object value(JsonParser parser, Object source) throws IOException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw refusal(parser, source, "a value", "the end of the text");
    }
    return switch (token) {
      case START_OBJECT -> object(parser, source);
      case START_ARRAY -> array(parser, source);
      case VALUE_NUMBER_INT -> integer(parser, source);
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_STRING -> parser.getText();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw refusal(parser, source, "a value", parser.getText());
    };
  }

  private static Map<String, @Nullable Object> object(JsonParser parser, Object source)
      throws IOException {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      parser.nextToken();
      map.put(name, value(parser, source));
    }
    return map;
  }

  private static List<@Nullable Object> array(JsonParser parser, Object source) throws IOException {
    List<@Nullable Object> list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value(parser, source));
    }
    return list;
  }

  private static long integer(JsonParser parser, Object source) throws IOException {
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      throw refusal(parser, source, "an integer of at most 64 bits", parser.getText());
    }
    return parser.getLongValue();
  }

  private static void value(JsonGenerator out, @Nullable Object value) throws IOException {
    if (value == null) {
      out.writeNull();
    } else if (value instanceof Map<?, ?> map) {
      out.writeStartObject();
      for (Map.Entry<?, ?> e : map.entrySet()) {
        out.writeFieldName(String.valueOf(e.getKey()));
        value(out, e.getValue());
      }
      out.writeEndObject();
    } else if (value instanceof Iterable<?> list) {
      out.writeStartArray();
      for (Object element : list) {
        value(out, element);
      }
      out.writeEndArray();
    } else if (value instanceof CharSequence || value instanceof Enum<?>) {
      out.writeString(value.toString());
    } else if (value instanceof Boolean truth) {
      out.writeBoolean(truth);
    } else if (value instanceof Double number) {
      out.writeNumber(number); // the generator quotes what is not finite
    } else if (value instanceof Float number) {
      out.writeNumber(number);
    } else {
      Check.that(
          value instanceof Long
              || value instanceof Integer
              || value instanceof Short
              || value instanceof Byte,
          "json: %s is no map, iterable, text, number, boolean or null",
          value.getClass().getName());
      out.writeNumber(((Number) value).longValue());
    }
  }

  static BadFileException refusal(Object source, JsonProcessingException e) {
    long at = e.getLocation() == null ? -1 : e.getLocation().getCharOffset();
    String problem = e.getOriginalMessage();
    return new BadFileException(
        source, at, "JSON", problem == null ? "a defect" : problem, "repair or replace it", e);
  }

  private static BadFileException refusal(
      JsonParser parser, Object source, String expected, String found) {
    return new BadFileException(
        source, parser.currentLocation().getCharOffset(), expected, found, "repair or replace it");
  }
}
