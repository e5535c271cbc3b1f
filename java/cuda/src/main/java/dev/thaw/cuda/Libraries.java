package dev.thaw.cuda;

import dev.thaw.backend.UnavailableException;
import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * NVIDIA's libraries as the user installed them. The driver's (libcuda.so.1) is the system's; those
 * of CUDA are looked for, in this order, in {@code -Dthaw.cuda.path} (folders, separated by
 * colons), LD_LIBRARY_PATH, CUDA_HOME, /usr/local/cuda, the {@code nvidia} wheels of Pythons, and
 * wherever the system's loader looks. What is found is loaded by its path, so that JavaCPP's
 * presets, which ask for bare names, get just that. So are the parts that it loads itself later, by
 * bare names too: the loader would not find them beside it, or find those of another version.
 */
final class Libraries {
  private static final String PROPERTY = "thaw.cuda.path";

  private static final String DRIVER = "libcuda.so.1";

  /** libjnicudart is linked against the runtime library, though we call the driver only. */
  static final String RUNTIME = "libcudart.so.13";

  /** What the driver says of itself, in the words behind "Kernel Module". */
  private static final Path DRIVER_VERSION = Path.of("/proc/driver/nvidia/version");

  /**
   * Compiles kernels at run time; only where the jar was built without nvcc, or they are edited.
   */
  static final String COMPILER = "libnvrtc.so.13";

  /** Matrix products; without it our own kernels multiply. */
  static final String PRODUCTS = "libcublasLt.so.13";

  /** The binding of {@link #PRODUCTS} is linked against this one too. */
  static final String BLAS = "libcublas.so.13";

  /** The parts of cuDNN that its binding is linked against, in the order of their needs. */
  static final List<String> CONVOLUTIONS =
      List.of("libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9", "libcudnn_adv.so.9");

  private static final String DRIVER_REMEDY =
      "install driver 580 or newer, and start containers with --gpus all";

  /** Where containers are given the driver, whether or not the system's loader looks there. */
  private static final List<String> DRIVERS =
      List.of("/usr/local/nvidia/lib64", "/usr/lib/wsl/lib");

  /**
   * What a library loads itself when it first needs it: NVRTC its built-in functions; cuDNN its
   * engines, which JavaCPP would load before that from wherever a developer's package has them.
   */
  private static final Map<String, String> PARTS =
      Map.of(
          COMPILER,
          "libnvrtc-builtins.so.13*",
          CONVOLUTIONS.get(0),
          "libcudnn_{engines_precompiled,engines_runtime_compiled,heuristic}.so.9");

  private static final Pattern VERSION = Pattern.compile("\\b\\d{3,}(\\.\\d+)+\\b");

  private static final Map<String, Path> LOADED = new LinkedHashMap<>();

  private Libraries() {}

  /**
   * Loads the driver's functions, once.
   *
   * @throws UnavailableException when there is no driver, or CUDA's runtime library is not found or
   *     cannot be loaded
   */
  static synchronized void load() throws UnavailableException {
    if (!driverHere()) {
      throw new UnavailableException(
          "no NVIDIA driver here (neither /dev/nvidiactl nor /dev/dxg); " + DRIVER_REMEDY);
    }
    open();
  }

  /** Loads the driver's functions without asking whether the system has a driver. */
  static synchronized void open() throws UnavailableException {
    // Before the first class of JavaCPP: its own accounts read /proc at every allocation and call
    // the collector past a limit.
    for (String limit : List.of("maxBytes", "maxPhysicalBytes")) {
      String property = "org.bytedeco.javacpp." + limit;
      if (System.getProperty(property) == null) {
        System.setProperty(property, "0");
      }
    }
    use(RUNTIME);
    useDriver();
    try {
      org.bytedeco.javacpp.Loader.load(org.bytedeco.cuda.global.cudart.class);
    } catch (LinkageError e) {
      throw missing(e);
    }
  }

  /** Whichever of the two that the binding is linked against is to blame. */
  private static UnavailableException missing(LinkageError e) {
    @Nullable String driver = obstacle(DRIVER);
    if (driver != null) {
      return new UnavailableException(
          "the driver's library could not be loaded (" + driver + "); " + DRIVER_REMEDY, e);
    }
    @Nullable String runtime = obstacle(RUNTIME);
    return new UnavailableException(
        "CUDA's runtime library could not be loaded ("
            + (runtime == null ? oneLine(e) : runtime)
            + "); needed is CUDA 13: install cuda-cudart-13-0, or pip install nvidia-cuda-runtime,"
            + " or name the folder of "
            + RUNTIME
            + " with -D"
            + PROPERTY
            + "=DIR",
        e);
  }

  /** Why the system's loader does not load {@code name}; null if it does. */
  private static @Nullable String obstacle(String name) {
    try {
      org.bytedeco.javacpp.Loader.loadGlobal(name);
      return null;
    } catch (LinkageError e) {
      return oneLine(e);
    }
  }

  private static String oneLine(LinkageError e) {
    return String.valueOf(e.getMessage()).replace('\n', ' ');
  }

  private static boolean driverHere() {
    return Files.exists(Path.of("/dev/nvidiactl")) || Files.exists(Path.of("/dev/dxg"));
  }

  /**
   * Loads a library by its path, if a folder has it; else whoever needs it asks the system's
   * loader.
   *
   * @return where it was found, or null
   * @throws UnavailableException when the file there is none that can be loaded
   */
  static synchronized @Nullable Path use(String name) throws UnavailableException {
    Path known = LOADED.get(name);
    if (known != null) {
      return known;
    }
    for (Path folder : folders()) {
      Path file = folder.resolve(name);
      if (Files.isReadable(file)) {
        load(file);
        LOADED.put(name, file);
        @Nullable String parts = PARTS.get(name);
        if (parts != null) {
          for (Path part : children(folder, parts)) {
            load(part);
          }
        }
        return file;
      }
    }
    return null;
  }

  private static void load(Path file) throws UnavailableException {
    try {
      System.load(file.toAbsolutePath().toString());
    } catch (LinkageError e) {
      throw new UnavailableException(
          "cannot load "
              + oneLine(e)
              + "; install it anew, or name another folder first with -D"
              + PROPERTY
              + "=DIR",
          e);
    }
  }

  /** Loads the driver's library where the system's loader does not know it. */
  private static void useDriver() throws UnavailableException {
    if (obstacle(DRIVER) != null) {
      for (String folder : DRIVERS) {
        Path file = Path.of(folder, DRIVER);
        if (Files.isReadable(file)) {
          load(file);
          return;
        }
      }
    }
  }

  /** Where the driver and each library are, or how to get them; loads nothing. */
  static List<String> findings() {
    List<String> lines = new ArrayList<>();
    lines.add(
        driverHere()
            ? "driver: " + driverVersion(DRIVER_VERSION)
            : "driver: none; " + DRIVER_REMEDY);
    Set<Path> named = new LinkedHashSet<>();
    addAll(named, System.getProperty(PROPERTY));
    for (Path folder : named) {
      if (children(folder, "lib*.so*").isEmpty()) {
        lines.add(
            String.format(
                "-D%s: %s is no folder with libraries; name the one that holds %s",
                PROPERTY, folder, RUNTIME));
      }
    }
    lines.add(finding(RUNTIME, "cuda-cudart-13-0", "nvidia-cuda-runtime", "needed"));
    lines.add(
        finding(
            COMPILER, "cuda-nvrtc-13-0", "nvidia-cuda-nvrtc", "needed to compile kernels here"));
    lines.add(
        finding(PRODUCTS, "libcublas-13-0", "nvidia-cublas", "needed for fast matrix products"));
    lines.add(
        finding(
            CONVOLUTIONS.get(0),
            "cudnn9-cuda-13",
            "nvidia-cudnn-cu13",
            "needed for fast convolutions"));
    return lines;
  }

  private static String finding(String name, String debian, String wheel, String why) {
    for (Path folder : folders()) {
      Path file = folder.resolve(name);
      if (Files.isReadable(file)) {
        return name + ": " + file + versionOf(file);
      }
    }
    return String.format(
        "%s: in none of the folders looked into, so the system's loader is asked; %s: install %s, or"
            + " pip install %s, or name its folder with -D%s=DIR",
        name, why, debian, wheel, PROPERTY);
  }

  /** What a link's target says of the version, or nothing. */
  private static String versionOf(Path file) {
    try {
      String real = String.valueOf(file.toRealPath().getFileName());
      return real.equals(String.valueOf(file.getFileName())) ? "" : " (" + real + ")";
    } catch (IOException e) {
      return ""; // it was there a moment ago
    }
  }

  /** {@code 580.65.06}, which stands in the first line of {@code file}. */
  static String driverVersion(Path file) {
    try {
      Matcher version = VERSION.matcher(Files.readString(file));
      if (version.find()) {
        return version.group();
      }
    } catch (IOException e) {
      // Windows' driver, seen from a Linux inside, writes no such file.
      return "here";
    }
    return "here";
  }

  /** The folders that are looked into. */
  static Set<Path> folders() {
    Set<Path> folders = new LinkedHashSet<>();
    addAll(folders, System.getProperty(PROPERTY));
    addAll(folders, System.getenv("LD_LIBRARY_PATH"));
    for (@Nullable String home :
        new @Nullable String[] {System.getenv("CUDA_HOME"), "/usr/local/cuda"}) {
      if (home != null && !home.isEmpty()) {
        folders.add(Path.of(home, "lib64"));
        folders.add(Path.of(home, "targets", "x86_64-linux", "lib"));
      }
    }
    for (Path python : pythons()) {
      for (Path wheel : children(python.resolve("nvidia"), "*")) {
        folders.add(wheel.resolve("lib"));
      }
    }
    return folders;
  }

  private static void addAll(Set<Path> folders, @Nullable String path) {
    if (path != null) {
      for (String folder : path.split(File.pathSeparator, -1)) {
        if (!folder.isEmpty()) {
          folders.add(Path.of(folder));
        }
      }
    }
  }

  /**
   * Where Pythons keep their packages: that of the active environment first, then those whose
   * python3 is on the PATH, as an environment's may be that nobody activated.
   */
  private static List<Path> pythons() {
    Set<Path> homes = new LinkedHashSet<>();
    addAll(homes, System.getenv("VIRTUAL_ENV"));
    addAll(homes, System.getenv("CONDA_PREFIX"));
    Set<Path> programs = new LinkedHashSet<>();
    addAll(programs, System.getenv("PATH"));
    for (Path folder : programs) {
      Path home = folder.toAbsolutePath().getParent();
      if (home != null && Files.isExecutable(folder.resolve("python3"))) {
        homes.add(home);
      }
    }
    addAll(homes, System.getProperty("user.home") + "/.local:/usr/local:/usr");
    List<Path> found = new ArrayList<>();
    for (Path home : homes) {
      for (Path version : children(home.resolve("lib"), "python3*")) {
        found.add(version.resolve("site-packages"));
        found.add(version.resolve("dist-packages"));
      }
    }
    return found;
  }

  private static List<Path> children(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
        stream.forEach(found::add);
      } catch (IOException e) {
        // A folder that cannot be read holds nothing for us.
        return List.of();
      }
    }
    return found;
  }
}
