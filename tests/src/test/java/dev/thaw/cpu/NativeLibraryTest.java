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
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the libraries in the jar ask of a machine, and what they show and tell to the process. */
final class NativeLibraryTest {
  private static final Pattern GLIBC = Pattern.compile("GLIBC_(\\d+)\\.(\\d+)");

  @TempDir private Path folder;

  private Path unpacked(String name) throws IOException {
    Path library = folder.resolve(name);
    try (InputStream packed =
        getClass().getResourceAsStream("/dev/thaw/cpu/linux-x86_64/" + name)) {
      assertNotNull(packed, "the jar of thaw-cpu holds no " + name);
      Files.copy(packed, library);
    }
    return library;
  }

  /** The oldest system we promise to run on has glibc 2.34. */
  @ParameterizedTest
  @ValueSource(strings = {"libthaw_cpu.so", "libthaw_wait.so"})
  void asksForNoNewerGlibc(String library) throws IOException, InterruptedException {
    Set<String> tooNew = new TreeSet<>();
    for (String symbol : print("objdump", "-T", library).lines().toList()) {
      Matcher version = GLIBC.matcher(symbol);
      if (version.find()
          && (Integer.parseInt(version.group(1)) > 2 || Integer.parseInt(version.group(2)) > 34)) {
        tooNew.add(symbol.strip());
      }
    }
    assertEquals(Set.of(), tooNew);
  }

  /** An embedder may have loaded another libstdc++, or none. */
  @ParameterizedTest
  @ValueSource(strings = {"libthaw_cpu.so", "libthaw_wait.so"})
  void bringsItsOwnStandardLibrary(String library) throws IOException, InterruptedException {
    String needed = print("objdump", "-p", library);
    assertTrue(needed.contains("SONAME"), needed);
    assertFalse(needed.contains("libstdc++"), needed);
    // What is to be there before OpenMP must not bring it.
    assertEquals(library.equals("libthaw_cpu.so"), needed.contains("libgomp"), needed);
  }

  @Test
  void showsNothingButItsOwnFunctions() throws IOException, InterruptedException {
    Set<String> exported =
        print("objdump", "-T", "libthaw_cpu.so")
            .lines()
            .filter(line -> line.contains(" g ") && !line.contains("*UND*"))
            .map(line -> line.substring(line.lastIndexOf(' ') + 1))
            .collect(toCollection(TreeSet::new));
    assertTrue(exported.contains("thaw_abi_version"), exported::toString);
    exported.removeIf(
        name -> name.startsWith("thaw_") || name.matches("Java_dev_thaw_cpu_Native(Conv)?_\\w+"));
    assertEquals(Set.of(), exported);
  }

  /** OpenMP shows what it found in its environment when it is loaded. */
  @ParameterizedTest
  @CsvSource({"'', '', 5000", "GOMP_SPINCOUNT, 70, 70", "OMP_WAIT_POLICY, passive, 0"})
  void threadsOfATeamSpinForShort(String variable, String value, String spins)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            "dev.thaw.app.Main",
            "doctor");
    Map<String, String> environment = builder.environment();
    environment.keySet().removeAll(Set.of("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"));
    environment.put("OMP_DISPLAY_ENV", "verbose");
    if (!variable.isEmpty()) {
      environment.put(variable, value);
    }
    String printed = output(builder);
    assertTrue(printed.contains("GOMP_SPINCOUNT = '" + spins + "'"), printed);
  }

  private String print(String tool, String option, String library)
      throws IOException, InterruptedException {
    return output(new ProcessBuilder(Needs.tool(tool), option, unpacked(library).toString()));
  }

  private static String output(ProcessBuilder builder) throws IOException, InterruptedException {
    Process process = builder.redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), printed);
    return printed;
  }
}
