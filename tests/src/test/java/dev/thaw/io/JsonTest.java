package dev.thaw.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.memory.BadFileException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonTest {
  @Test
  void valuesComeBackAsTheyWere() throws IOException {
    Map<String, Object> value = new LinkedHashMap<>();
    value.put("z", 1L);
    value.put("a", List.of(0.1, -2.5e300, Long.MIN_VALUE));
    value.put("text", "quote \" backslash \\ line \n ü 漢 \u0001");
    value.put("nothing", new ArrayList<>(Arrays.asList((Object) null)));
    value.put("truth", Map.of("yes", true));
    assertEquals(value, Json.read(Json.write(value), "test"));
    assertEquals(value, Json.readObject(Json.writeIndented(value), "test"));
    assertEquals(
        "{\"a\":1,\"b\":[1.5,null]}", Json.write(order("a", 1, "b", Arrays.asList(1.5f, null))));
    assertEquals("{\n  \"a\": [\n    1\n  ]\n}", Json.writeIndented(Map.of("a", List.of(1))));
  }

  @Test
  void wholeNumbersStayWhole() throws IOException {
    assertEquals(9007199254740993L, Json.read("9007199254740993", "test"));
    assertEquals(1.0, Json.read("1.0", "test"));
  }

  @Test
  void aRunThatDivergedSaysSo() {
    assertEquals(
        "[\"NaN\",\"Infinity\",\"-Infinity\"]",
        Json.write(List.of(Double.NaN, Float.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1} x",
        "[1,]",
        "{'a':1}",
        "99999999999999999999",
        "\"open",
        "nul",
        "[1] [2]",
        "{\"a\"}",
        "\u0000"
      })
  void whatIsNotJsonIsRefusedInOneLine(String text) {
    BadFileException e = assertThrows(BadFileException.class, () -> Json.read(text, "notes.json"));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("notes.json at byte "), message);
    assertFalse(message.contains("\n"), message);
  }

  @Test
  void depthIsBounded() {
    String deep = "[".repeat(100_000);
    assertThrows(BadFileException.class, () -> Json.read(deep, "deep.json"));
  }

  @Test
  void anObjectIsAskedFor() {
    assertThrows(BadFileException.class, () -> Json.readObject("[1]", "list.json"));
  }

  @Test
  void whatJsonLacksIsNotWritten() {
    assertThrows(IllegalArgumentException.class, () -> Json.write(List.of(new Object())));
  }

  private static Map<String, Object> order(String a, Object x, String b, Object y) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put(a, x);
    map.put(b, y);
    return map;
  }
}
