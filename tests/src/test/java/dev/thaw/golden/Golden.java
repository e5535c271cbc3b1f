package dev.thaw.golden;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One case of a golden file: named arrays. A line is {@code case NAME} or {@code name sizes :
 * numbers}; a single number has no sizes.
 */
public final class Golden {
  private record Entry(int[] dims, double[] values) {}

  private final String name;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private Golden(String name) {
    this.name = name;
  }

  /**
   * The cases of {@code resources/golden/file}.
   *
   * @throws IllegalArgumentException when there is no such file, or no case in it
   */
  public static List<Golden> read(String file) {
    List<Golden> cases = new ArrayList<>();
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + file)) {
      if (in == null) {
        throw new IllegalArgumentException("golden: no resource /golden/" + file);
      }
      for (String line : new BufferedReader(new InputStreamReader(in, UTF_8)).lines().toList()) {
        if (line.startsWith("case ")) {
          cases.add(new Golden(line.substring(5)));
        } else if (!line.startsWith("#")) {
          cases.get(cases.size() - 1).add(line);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("golden: " + file, e);
    }
    if (cases.isEmpty()) {
      throw new IllegalArgumentException("golden: no case in " + file);
    }
    return cases;
  }

  /** The cases of {@code file} whose name begins with {@code kind}; there must be some. */
  public static List<Golden> read(String file, String kind) {
    List<Golden> cases = read(file).stream().filter(c -> c.name.startsWith(kind)).toList();
    if (cases.isEmpty()) {
      throw new IllegalArgumentException("golden: no case '" + kind + "' in " + file);
    }
    return cases;
  }

  private void add(String line) {
    String[] halves = line.split(" : ", 2);
    String[] head = halves[0].split(" ", -1);
    int[] dims = Arrays.stream(head).skip(1).mapToInt(Integer::parseInt).toArray();
    double[] values =
        Arrays.stream(halves[1].split(" ", -1)).mapToDouble(Double::parseDouble).toArray();
    int expected = Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    if (values.length != expected) {
      throw new IllegalArgumentException(
          "golden: " + name + ": " + values.length + " numbers for " + halves[0]);
    }
    entries.put(head[0], new Entry(dims, values));
  }

  /** What the case is called. */
  public String name() {
    return name;
  }

  /** Whether the case has an array of this name. */
  public boolean has(String key) {
    return entries.containsKey(key);
  }

  /** The elements of an array, row-major. */
  public double[] values(String key) {
    return entry(key).values.clone();
  }

  /** Size {@code i} of an array. */
  public int dim(String key, int i) {
    return entry(key).dims[i];
  }

  /** A single number. */
  public double number(String key) {
    return entry(key).values[0];
  }

  /** Element {@code i} of a list of whole numbers. */
  public int whole(String key, int i) {
    return (int) entry(key).values[i];
  }

  private Entry entry(String key) {
    Entry entry = entries.get(key);
    if (entry == null) {
      throw new IllegalArgumentException(
          "golden: " + name + " has no " + key + ", only " + entries.keySet());
    }
    return entry;
  }

  @Override
  public String toString() {
    return name;
  }
}
