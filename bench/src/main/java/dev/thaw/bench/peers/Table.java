package dev.thaw.bench.peers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Figures of speed beside what is wanted: as Markdown for people, as JSON for programs. */
final class Table {
  private final List<String> lines = new ArrayList<>();
  private final List<Map<String, Object>> figures = new ArrayList<>();

  void title(String title, String... columns) {
    lines.add("");
    lines.add("## " + title);
    lines.add("");
    row((Object[]) columns);
    lines.add("|" + "---|".repeat(columns.length));
    System.err.println("bench: " + title);
  }

  void row(Object... cells) {
    List<String> texts = new ArrayList<>();
    for (Object cell : cells) {
      texts.add(cell instanceof Double d ? String.format(Locale.ROOT, "%.2f", d) : cell.toString());
    }
    String line = "| " + String.join(" | ", texts) + " |";
    lines.add(line);
    System.err.println(line);
  }

  /** A figure for programs: name, value, name, value .. */
  void figure(Object... pairs) {
    Map<String, Object> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], pairs[i + 1]);
    }
    figures.add(map);
  }

  /** At least the floor, and whether the aim is reached too. */
  static String atLeast(double value, double floor, double aim) {
    return value >= aim ? "aim" : value >= floor ? "floor" : "BELOW";
  }

  /** At most the ceiling, and whether the aim is reached too. */
  static String atMost(double value, double ceiling, double aim) {
    return value <= aim ? "aim" : value <= ceiling ? "ceiling" : "ABOVE";
  }

  List<String> lines() {
    return List.copyOf(lines);
  }

  List<Map<String, Object>> figures() {
    return List.copyOf(figures);
  }
}
