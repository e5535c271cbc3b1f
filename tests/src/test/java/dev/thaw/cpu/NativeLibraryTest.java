package dev.thaw.cpu;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the library in the jar asks of a machine, and what it shows to the process. */
final class NativeLibraryTest {
  private static final Pattern GLIBC = Pattern.compile("GLIBC_(\\d+)\\.(\\d+)");

  @TempDir private Path folder;
  private Path library;

  @BeforeEach
  void unpack() throws IOException {
    library = folder.resolve("libthaw_cpu.so");
    try (InputStream packed =
        getClass().getResourceAsStream("/dev/thaw/cpu/linux-x86_64/libthaw_cpu.so")) {
      assertNotNull(packed, "the jar of thaw-cpu holds no library");
      Files.copy(packed, library);
    }
  }

  /** The oldest system we promise to run on has glibc 2.34. */
  @Test
  void asksForNoNewerGlibc() throws IOException, InterruptedException {
    Set<String> tooNew = new TreeSet<>();
    for (String symbol : print("objdump", "-T").lines().toList()) {
      Matcher version = GLIBC.matcher(symbol);
      if (version.find()
          && (Integer.parseInt(version.group(1)) > 2 || Integer.parseInt(version.group(2)) > 34)) {
        tooNew.add(symbol.strip());
      }
    }
    assertEquals(Set.of(), tooNew);
  }

  /** An embedder may have loaded another libstdc++, or none. */
  @Test
  void bringsItsOwnStandardLibrary() throws IOException, InterruptedException {
    String needed = print("objdump", "-p");
    assertTrue(needed.contains("SONAME"), needed);
    assertFalse(needed.contains("libstdc++"), needed);
  }

  @Test
  void showsNothingButItsOwnFunctions() throws IOException, InterruptedException {
    Set<String> exported =
        print("objdump", "-T")
            .lines()
            .filter(line -> line.contains(" g ") && !line.contains("*UND*"))
            .map(line -> line.substring(line.lastIndexOf(' ') + 1))
            .collect(toCollection(TreeSet::new));
    assertTrue(exported.contains("thaw_abi_version"), exported::toString);
    exported.removeIf(
        name -> name.startsWith("thaw_") || name.startsWith("Java_dev_thaw_cpu_Native_"));
    assertEquals(Set.of(), exported);
  }

  private String print(String tool, String option) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(Needs.tool(tool), option, library.toString())
            .redirectErrorStream(true)
            .start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), printed);
    return printed;
  }
}
