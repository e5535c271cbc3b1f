package dev.thaw.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.bytedeco.cuda.global.nvrtc.NVRTC_SUCCESS;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCompileProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcCreateProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcDestroyProgram;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBIN;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetCUBINSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetErrorString;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLog;
import static org.bytedeco.cuda.global.nvrtc.nvrtcGetProgramLogSize;
import static org.bytedeco.cuda.global.nvrtc.nvrtcVersion;

import dev.thaw.backend.UnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * NVIDIA's compiler for kernels at run time. It needs no card, but its binding loads the driver.
 */
final class Nvrtc {
  private static final Pattern ERROR = Pattern.compile("^\\S.*\\(\\d+\\): (\\w+ )?error");

  private final String version;

  private Nvrtc(String version) {
    this.version = version;
  }

  /**
   * Loads the library.
   *
   * @throws UnavailableException when it is not found, or cannot be loaded
   */
  static Nvrtc load() throws UnavailableException {
    Libraries.use(Libraries.COMPILER);
    try {
      org.bytedeco.javacpp.Loader.load(org.bytedeco.cuda.global.nvrtc.class);
    } catch (LinkageError e) {
      throw new UnavailableException(
          "kernels must be compiled here and "
              + Libraries.COMPILER
              + " was not found; install cuda-nvrtc-13-0, or pip install nvidia-cuda-nvrtc, or use a"
              + " jar that was built where nvcc is",
          e);
    }
    int[] major = new int[1];
    int[] minor = new int[1];
    check("nvrtcVersion", nvrtcVersion(major, minor));
    return new Nvrtc(major[0] + "." + minor[0]);
  }

  /** {@code 13.0}. */
  String version() {
    return version;
  }

  /**
   * A cubin for cards of one compute capability.
   *
   * @param root the file to compile
   * @param files its text and that of all it includes, by name
   * @param capability 90 for 9.0
   * @throws IllegalStateException with the compiler's first error when the text is wrong, file and
   *     line; its cause has all of the compiler's words
   */
  byte[] compile(String root, Map<String, String> files, int capability) {
    List<BytePointer> texts = new ArrayList<>();
    _nvrtcProgram program = new _nvrtcProgram();
    try {
      BytePointer[] headers = new BytePointer[files.size()];
      BytePointer[] names = new BytePointer[files.size()];
      int i = 0;
      for (Map.Entry<String, String> file : files.entrySet()) {
        headers[i] = text(texts, file.getValue());
        names[i++] = text(texts, file.getKey());
      }
      String source = files.get(root);
      if (source == null) {
        throw new IllegalStateException("kernels: no " + root);
      }
      try (PointerPointer<BytePointer> h = new PointerPointer<>(headers);
          PointerPointer<BytePointer> n = new PointerPointer<>(names);
          PointerPointer<BytePointer> options =
              new PointerPointer<>(
                  text(texts, "--gpu-architecture=sm_" + capability), text(texts, "-std=c++17"))) {
        check(
            "nvrtcCreateProgram",
            nvrtcCreateProgram(
                program, text(texts, source), text(texts, root), headers.length, h, n));
        int code = nvrtcCompileProgram(program, 2, options);
        if (code != NVRTC_SUCCESS) {
          String log = log(program);
          throw new IllegalStateException(
              "kernels: " + firstError(log.isEmpty() ? message(code) : log),
              new IllegalStateException(message(code) + ":\n" + log));
        }
      }
      try (SizeTPointer size = new SizeTPointer(1)) {
        check("nvrtcGetCUBINSize", nvrtcGetCUBINSize(program, size));
        byte[] cubin = new byte[(int) size.get()];
        check("nvrtcGetCUBIN", nvrtcGetCUBIN(program, cubin));
        return cubin;
      }
    } finally {
      if (!program.isNull()) {
        nvrtcDestroyProgram(program);
      }
      texts.forEach(BytePointer::close);
    }
  }

  /** One line of the compiler's many: {@code conv.cu(7): error: expected a ";"}. */
  static String firstError(String log) {
    List<String> errors = log.lines().filter(line -> ERROR.matcher(line).find()).toList();
    return switch (errors.size()) {
      case 0 -> log.lines().findFirst().orElse("");
      case 1 -> errors.get(0);
      default -> errors.get(0) + " (the first of " + errors.size() + " errors)";
    };
  }

  private static BytePointer text(List<BytePointer> texts, String s) {
    BytePointer text = new BytePointer(s, UTF_8);
    texts.add(text);
    return text;
  }

  private static String log(_nvrtcProgram program) {
    try (SizeTPointer size = new SizeTPointer(1)) {
      check("nvrtcGetProgramLogSize", nvrtcGetProgramLogSize(program, size));
      byte[] log = new byte[(int) size.get()];
      check("nvrtcGetProgramLog", nvrtcGetProgramLog(program, log));
      return new String(log, UTF_8).replace("\0", "").strip();
    }
  }

  private static void check(String call, int code) {
    if (code != NVRTC_SUCCESS) {
      throw new IllegalStateException(call + ": " + message(code));
    }
  }

  private static String message(int code) {
    return nvrtcGetErrorString(code).getString() + " (" + code + ")";
  }
}
