package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_HEUR_MODE_A;
import static org.bytedeco.cuda.global.cudnn.CUDNN_HEUR_MODE_FALLBACK;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.ConvShape;
import dev.thaw.backend.UnavailableException;
import dev.thaw.cuda.CudnnConv.Direction;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/**
 * What the real cuDNN offers on a card that is not there. Runs where {@code THAW_WITNESS} names
 * folders with libcudnn_graph.so.9, libcublasLt.so.13 and libnvrtc.so.13, between colons; see
 * cudnn_witness.h of the stand-ins.
 */
@EnabledIfEnvironmentVariable(named = "THAW_WITNESS", matches = ".+")
final class CudnnWitnessTest {
  private static final long MOST_WORKSPACE = 1L << 30;

  /** The thousands of such a status. */
  private static final int NOT_SUPPORTED = 3;

  /** h, c, k, kernel, stride of each convolution of ResNet-50. */
  private static final int[][] RESNET50 = {
    {224, 3, 64, 7, 2},
    {56, 64, 64, 1, 1},
    {56, 64, 64, 3, 1},
    {56, 64, 256, 1, 1},
    {56, 256, 64, 1, 1},
    {56, 256, 128, 1, 1},
    {56, 128, 128, 3, 2},
    {28, 128, 512, 1, 1},
    {56, 256, 512, 1, 2},
    {28, 512, 128, 1, 1},
    {28, 128, 128, 3, 1},
    {28, 512, 256, 1, 1},
    {28, 256, 256, 3, 2},
    {14, 256, 1024, 1, 1},
    {28, 512, 1024, 1, 2},
    {14, 1024, 256, 1, 1},
    {14, 256, 256, 3, 1},
    {14, 1024, 512, 1, 1},
    {14, 512, 512, 3, 2},
    {7, 512, 2048, 1, 1},
    {14, 1024, 2048, 1, 2},
    {7, 2048, 512, 1, 1},
    {7, 512, 512, 3, 1},
  };

  /** n, h, c, k, kernel, padding, groups: others that our models have, and odd ones. */
  private static final int[][] OTHERS = {
    {64, 28, 1, 8, 3, 1, 1},
    {64, 14, 8, 16, 3, 1, 1},
    {1, 32, 3, 16, 3, 1, 1},
    {64, 14, 96, 96, 3, 1, 96},
    {2, 9, 12, 6, 3, 0, 3},
    {3, 7, 5, 7, 3, 1, 1},
  };

  private CudnnLibrary cudnn;

  @BeforeEach
  void open() throws UnavailableException {
    cudnn = CudnnLibrary.open(OnACard.backend().card());
  }

  private static List<ConvShape> shapes() {
    List<ConvShape> shapes = new ArrayList<>();
    for (int n : new int[] {1, 64, 256}) {
      for (int[] r : RESNET50) {
        int pad = r[3] / 2;
        shapes.add(
            new ConvShape(n, r[0], r[0], r[1], r[2], r[3], r[3], r[4], r[4], pad, pad, 1, 1, 1));
      }
    }
    for (int[] o : OTHERS) {
      shapes.add(
          new ConvShape(o[0], o[1], o[1], o[2], o[3], o[4], o[4], 1, 1, o[5], o[5], 1, 1, o[6]));
    }
    return shapes;
  }

  /** A card before compute capability 8.0 has no bfloat16. */
  private static List<DType> types() {
    String capability = System.getenv("THAW_WITNESS_CAPABILITY");
    return capability != null && Integer.parseInt(capability) < 800
        ? List.of(DType.FLOAT32)
        : List.of(DType.FLOAT32, DType.BFLOAT16);
  }

  private static List<CudnnConv> convolutions(ConvShape shape, DType type) {
    List<CudnnConv> all = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      all.add(CudnnConv.plain(direction, shape, type));
    }
    all.add(CudnnConv.adding(shape, type));
    for (boolean relu : new boolean[] {false, true}) {
      all.add(new CudnnConv(Direction.FORWARD, shape, type, true, false, relu));
      all.add(new CudnnConv(Direction.FORWARD, shape, type, true, true, relu));
    }
    return all;
  }

  /** How many ways there are under {@code rules} of which a plan can be made. */
  private int plans(CudnnConv conv, CudnnRules rules) {
    int plans = 0;
    try (CudnnGraph graph = new CudnnGraph(cudnn.context(), conv)) {
      for (int mode : new int[] {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
        for (CudnnDescriptor way : graph.configurations(mode)) {
          if (!CudnnPlan.allowed(rules, conv, way)) {
            continue;
          }
          try (CudnnPlan plan = new CudnnPlan("a plan", cudnn, way, conv.ids())) {
            plans += plan.workspace() <= MOST_WORKSPACE ? 1 : 0;
          } catch (CudnnException e) {
            assertEquals(NOT_SUPPORTED, e.status / 1000, e.getMessage());
          }
        }
      }
    }
    return plans;
  }

  /** In the precision asked for, the same bits each time, nothing compiled at run time. */
  @Test
  void everyConvolutionHasAPlan() {
    List<String> missing = new ArrayList<>();
    for (ConvShape shape : shapes()) {
      for (DType type : types()) {
        for (CudnnConv conv : convolutions(shape, type)) {
          for (boolean tf32 : new boolean[] {false, true}) {
            if (plans(conv, new CudnnRules(tf32, false, false)) == 0) {
              missing.add(conv + (tf32 ? " tf32" : ""));
            }
          }
        }
      }
    }
    assertEquals("", String.join("\n", missing));
  }

  /** Compiled at run time, half a second each, so for one batch size; and in bfloat16 alone. */
  @Test
  void everyConvolutionOfResNet50HasStatistics() {
    List<String> missing = new ArrayList<>();
    for (ConvShape shape : shapes()) {
      if (shape.n() == 256 && types().contains(DType.BFLOAT16)) {
        CudnnConv conv = CudnnConv.withStatistics(shape, DType.BFLOAT16);
        assertEquals(0, plans(conv, new CudnnRules(false, false, false)), conv.toString());
        if (plans(conv, new CudnnRules(false, false, true)) == 0) {
          missing.add(conv.toString());
        }
      }
    }
    assertEquals("", String.join("\n", missing));
  }
}
