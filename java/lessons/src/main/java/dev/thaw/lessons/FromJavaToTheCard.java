package dev.thaw.lessons;

import static dev.thaw.lessons.Lesson.expect;
import static dev.thaw.lessons.Lesson.say;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Devices;
import dev.thaw.cuda.OwnKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Lesson 4: one convolution from a line of Java through the seam to cuLaunchKernel and the kernel's
 * text; without a card as far as the road goes, and why no further.
 */
final class FromJavaToTheCard {
  private static final String[] STATIONS = {
    "Java: an op",
    "the seam: a kernel call",
    "a backend",
    "arguments, packed",
    "the launch",
    "the kernel"
  };

  /** Rows and columns of y that a block computes: SIDE of kernels/tile.cuh. */
  private static final int TILE = 64;

  private static final int THREADS = 256;
  private static final String KERNEL = "conv_forward_f32";
  private static final String[] SIZES = {
    "n",
    "h",
    "w",
    "c",
    "k",
    "kh",
    "kw",
    "strideH",
    "strideW",
    "padH",
    "padW",
    "dilationH",
    "dilationW",
    "groups",
    "outH",
    "outW",
    "relu"
  };

  private final Backend home;
  private final List<String> notes = new ArrayList<>();

  private FromJavaToTheCard(Backend home) {
    this.home = home;
  }

  static void run(Path folder) throws IOException {
    run(folder, Devices.best().backend());
  }

  /** On {@code home}, a card or not. */
  static void run(Path folder, Backend home) throws IOException {
    try (var on = home.device().use();
        var seeded = new Generator(4).use();
        Scope scope = Scope.open()) {
      String picture = new FromJavaToTheCard(home).follow();
      Lesson.save(folder, "04-from-java-to-the-card.svg", picture);
    }
  }

  private String follow() throws IOException {
    Tensor x = Generator.current().normal(0, 1, 2, 12, 12, 3);
    Tensor w = Generator.current().normal(0, 0.2, 8, 3, 3, 3);
    List<Seam.Convolution> seen = new ArrayList<>();
    Tensor y;
    try (var watched = Seam.watch(home, seen::add)) {
      y = Functional.conv2d(x, w, null, Conv2dOptions.DEFAULT.padding(1));
    }
    station("conv2d(x " + x.shape() + ", w " + w.shape() + ") = y " + y.shape());
    say("  an op checks shapes, makes y, notes a rule for backward, and asks its backend");

    Seam.Convolution call = seen.get(0);
    station("ConvKernels.forward(y, x, w, .., ConvShape)");
    say("  %s", call.shape());
    say("  y  %s%s", call.y(), at(call.y()));
    say("  x  %s%s", call.x(), at(call.x()));
    say("  w  %s%s", call.w(), at(call.w()));

    station(home.conv().getClass().getSimpleName() + " of " + home.device());
    say("  %s", home.describe());
    boolean card = home.device().kind().startsWith("cuda");
    if (card) {
      say("  cuDNN computes it where it is installed, else our kernels/conv.cu.");
    }
    float[] found = y.toFloats();
    expect("the first number of y", -0.62534, found[0], 1e-4);
    expect("the distance to a sum in double", 0, distance(x, w, call.shape(), found), 1e-5);
    say("  y[0, 0, 0, 0] = %.4f, as the definition, added up in double, says", found[0]);

    @Nullable String end = launch(call, card, found);
    if (end != null) {
      say("The road ends here: %s", end);
    }
    return picture(end);
  }

  private void station(String what) {
    say("%d  %s", notes.size() + 1, STATIONS[notes.size()]);
    say("  %s", what);
    notes.add(what);
  }

  private static String at(Buffer buffer) {
    try {
      return String.format(Locale.ROOT, " at 0x%x", buffer.address());
    } catch (UnsupportedOperationException e) {
      return ", a Java array";
    }
  }

  /** From the arguments on; what stops it, or null. */
  private @Nullable String launch(Seam.Convolution call, boolean card, float[] found)
      throws IOException {
    String text = KernelText.read("conv.cu");
    if (text == null) {
      return KernelText.MISSING;
    }
    if (home.device().kind().equals("plain")) {
      return "plain keeps numbers in Java arrays, and a kernel wants their addresses; "
          + Lesson.whyNoCard();
    }
    @Nullable Object[] arguments = arguments(call, call.y());
    byte[] block = OwnKernels.block(arguments);
    station(block.length + " bytes: 5 pointers, 17 int");
    if (!card) {
      say("  as a card's kernel would be handed them, with this machine's addresses");
    }
    print(block, call.shape());
    int tiles = tiles(call.shape());
    if (!card) {
      say("  The kernel that would read them, in kernels/conv.cu:");
      print(text);
      return "nothing here takes these bytes; " + Lesson.whyNoCard();
    }
    Path folder = Files.createTempDirectory("kernels");
    Path file = Files.writeString(folder.resolve("conv.cu"), text);
    try (OwnKernels own = OwnKernels.compile(home.device(), file)) {
      station(
          String.format(
              Locale.ROOT, "cuLaunchKernel(%s, %d blocks of %d threads)", KERNEL, tiles, THREADS));
      say("  a block for each tile of y, %d pixels by %d channels", TILE, TILE);
      Tensor z = Tensor.zeros(2, 12, 12, 8);
      own.launchBlocks(KERNEL, tiles, arguments(call, z.buffer()));
      station("kernels/conv.cu, " + text.lines().count() + " lines");
      print(text);
      float[] again = z.toFloats();
      double furthest = 0;
      for (int i = 0; i < again.length; i++) {
        furthest = Math.max(furthest, Math.abs(again[i] - found[i]));
      }
      expect("how far our kernel is from the backend", 0, furthest, 1e-5);
      say("  and its y is the y of station 3, within rounding");
      return null;
    } finally {
      Files.delete(file);
      Files.delete(folder);
    }
  }

  /** In the order of the kernel: outputs, inputs, sizes, scalars. */
  private static @Nullable Object[] arguments(Seam.Convolution call, Buffer y) {
    ConvShape s = call.shape();
    return new @Nullable Object[] {
      y,
      call.x(),
      call.w(),
      null,
      null,
      s.n(),
      s.h(),
      s.w(),
      s.c(),
      s.k(),
      s.kh(),
      s.kw(),
      s.strideH(),
      s.strideW(),
      s.padH(),
      s.padW(),
      s.dilationH(),
      s.dilationW(),
      s.groups(),
      s.outH(),
      s.outW(),
      0
    };
  }

  private static void print(byte[] block, ConvShape s) {
    ByteBuffer bytes = ByteBuffer.wrap(block).order(ByteOrder.nativeOrder());
    for (String name : new String[] {"y", "x", "w", "bias", "residual"}) {
      say("  %3d: %-8s 0x%016x", bytes.position(), name, bytes.getLong());
    }
    StringBuilder sizes = new StringBuilder();
    int at = bytes.position();
    for (String name : SIZES) {
      sizes.append(' ').append(name).append('=').append(bytes.getInt());
    }
    say("  %3d:%s", at, sizes);
    expect("the length of the block", 5 * Long.BYTES + 17 * Integer.BYTES, block.length, 0);
    expect("outH, where the kernel will look for it", s.outH(), bytes.getInt(40 + 14 * 4), 0);
  }

  private static int tiles(ConvShape s) {
    int rows = s.n() * s.outH() * s.outW();
    return (rows + TILE - 1) / TILE * ((s.k() + TILE - 1) / TILE);
  }

  private static void print(String text) {
    String kernel = KernelText.part(text, "DEVICE void conv_forward(", "}");
    kernel.lines().limit(8).forEach(line -> say("  | %s", line));
    say("  | ..");
  }

  /** From the definition: every pixel, every channel, every tap. */
  private static double distance(Tensor x, Tensor w, ConvShape s, float[] y) {
    float[] pictures = x.toFloats();
    float[] kernels = w.toFloats();
    double furthest = 0;
    int at = 0;
    for (int n = 0; n < s.n(); n++) {
      for (int i = 0; i < s.outH(); i++) {
        for (int j = 0; j < s.outW(); j++) {
          for (int k = 0; k < s.k(); k++) {
            double sum = 0;
            for (int a = 0; a < s.kh(); a++) {
              for (int b = 0; b < s.kw(); b++) {
                int row = i + a - s.padH();
                int column = j + b - s.padW();
                if (row < 0 || row >= s.h() || column < 0 || column >= s.w()) {
                  continue;
                }
                for (int c = 0; c < s.c(); c++) {
                  sum +=
                      (double) pictures[((n * s.h() + row) * s.w() + column) * s.c() + c]
                          * kernels[((k * s.kh() + a) * s.kw() + b) * s.c() + c];
                }
              }
            }
            furthest = Math.max(furthest, Math.abs(sum - y[at++]));
          }
        }
      }
    }
    return furthest;
  }

  /** The stations, those that were not reached pale. */
  private String picture(@Nullable String end) {
    int step = 62;
    StringBuilder svg = new StringBuilder();
    svg.append("<svg xmlns=\"http://www.w3.org/2000/svg\" style=\"background:#fff\" width=\"460\"");
    svg.append(" height=\"").append(STATIONS.length * step + 12);
    svg.append("\" font-family=\"sans-serif\" font-size=\"13\" text-anchor=\"middle\">\n");
    for (int i = 0; i < STATIONS.length; i++) {
      boolean reached = i < notes.size();
      int y = 12 + i * step;
      if (i > 0) {
        svg.append(
            String.format(
                Locale.ROOT,
                "<line x1=\"230\" x2=\"230\" y1=\"%d\" y2=\"%d\" stroke=\"#555\"%s/>%n",
                y - 20,
                y,
                reached ? "" : " stroke-dasharray=\"3\""));
      }
      svg.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"20\" y=\"%d\" width=\"420\" height=\"42\" rx=\"4\" fill=\"%s\"/>%n",
              y,
              reached ? "#c2e2e7" : "#eee"));
      String note = reached ? notes.get(i) : end == null ? "" : "on a machine with a card";
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"230\" y=\"%d\" font-weight=\"bold\">%s</text>"
                  + "<text x=\"230\" y=\"%d\">%s</text>%n",
              y + 17,
              STATIONS[i],
              y + 34,
              note));
    }
    return svg.append("</svg>\n").toString();
  }
}
