package dev.thaw.app;

import com.sun.management.OperatingSystemMXBean;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Command;

/** What this machine offers, and why what is missing is missing. */
@Command(
    name = "doctor",
    description = "Devices and why one cannot be had, versions, threads, memory, data found.")
final class Doctor extends Subcommand {
  @Override
  Map<String, Object> run() throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("version", Main.Version.engine());
    print("thaw     %s", Main.Version.engine());
    json.putAll(machine());
    json.put("devices", devices());
    json.put("data", data());
    return json;
  }

  private Map<String, Object> machine() {
    Runtime runtime = Runtime.getRuntime();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("java", Runtime.version().toString());
    json.put("vm", System.getProperty("java.vm.name", "?"));
    json.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    json.put("architecture", System.getProperty("os.arch"));
    json.put("processors", runtime.availableProcessors());
    String threads = System.getProperty("thaw.threads");
    json.put("threads", threads == null ? "one per core" : threads);
    json.put("heap_bytes", runtime.maxMemory());
    print("java     %s, %s, %s", json.get("java"), json.get("vm"), System.getProperty("java.home"));
    print("machine  %s, %s", json.get("os"), json.get("architecture"));
    print("threads  %d processors; asked for: %s", json.get("processors"), json.get("threads"));
    String memory = "";
    if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean os) {
      json.put("memory_bytes", os.getTotalMemorySize());
      json.put("free_memory_bytes", os.getFreeMemorySize());
      memory =
          String.format(
              ", machine %s (%s free)", gib(os.getTotalMemorySize()), gib(os.getFreeMemorySize()));
    }
    print("memory   Java heap at most %s%s", gib(runtime.maxMemory()), memory);
    return json;
  }

  private static String gib(long bytes) {
    return String.format(java.util.Locale.ROOT, "%.1f GiB", bytes / 1073741824.0);
  }

  private List<Map<String, Object>> devices() {
    List<Map<String, Object>> devices = new ArrayList<>();
    Set<String> kinds = new LinkedHashSet<>(Devices.kinds());
    kinds.addAll(List.of("cuda", "cpu", "plain"));
    for (String kind : kinds) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("name", kind);
      List<String> libraries = List.of();
      try {
        Backend backend = Devices.get(kind);
        json.put("available", true);
        json.put("is", backend.describe());
        print("device   %s: %s", kind, backend.describe());
        libraries = backend.findings();
      } catch (IllegalStateException | LinkageError e) {
        json.put("available", false);
        json.put("why", String.valueOf(e.getMessage()));
        print("no       %s", e.getMessage());
      }
      List<String> findings = new ArrayList<>(Devices.findings(kind));
      findings.addAll(libraries);
      findings.forEach(line -> print("         %s", line));
      json.put("findings", findings);
      devices.add(json);
    }
    String best = Devices.best().backend().device().toString();
    devices.forEach(d -> d.put("best", best.equals(d.get("name"))));
    print("best     %s", best);
    return devices;
  }

  /** The folders that {@code --data NAME} finds by their name alone. */
  private List<Map<String, Object>> data() throws IOException {
    List<Map<String, Object>> found = new ArrayList<>();
    print("data     embedded: drawn by the engine itself");
    for (Path folder : DataPlaces.folders()) {
      try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, Files::isDirectory)) {
        for (Path entry : entries) {
          String name = entry.getFileName().toString();
          found.add(fields("name", name, "path", entry.toString()));
          print("data     %s: %s", name, entry);
        }
      }
    }
    if (found.isEmpty()) {
      print("data     none by name; THAW_DATA names the folder that holds data sets");
    }
    return found;
  }
}
