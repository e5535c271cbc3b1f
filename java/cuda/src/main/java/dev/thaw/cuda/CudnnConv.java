package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_COMP_TYPE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_CONV_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_DILATIONS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_POST_PADDINGS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_GENSTATS_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_GENSTATS_XDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_POINTWISE_BDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_POINTWISE_XDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATION_POINTWISE_YDESC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_POINTWISE_MATH_PREC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_POINTWISE_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_POINTWISE_NAN_PROPAGATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_POINTWISE_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_CROSS_CORRELATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DATA_FLOAT;
import static org.bytedeco.cuda.global.cudnn.CUDNN_GENSTATS_SUM_SQSUM;
import static org.bytedeco.cuda.global.cudnn.CUDNN_POINTWISE_ADD;
import static org.bytedeco.cuda.global.cudnn.CUDNN_POINTWISE_RELU_FWD;
import static org.bytedeco.cuda.global.cudnn.CUDNN_PROPAGATE_NAN;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_CONVOLUTION_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_DATA_TYPE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_GENSTATS_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_NAN_PROPOGATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_POINTWISE_MODE;

import dev.thaw.backend.ConvShape;
import dev.thaw.memory.DType;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A convolution in one of its directions, as an operation graph: one operation, or with {@code
 * bias} a chain y = max(0, x ∗ w + residual + bias). Only in this order, and only with a bias, has
 * cuDNN compiled engines for the chain. Without one a residual is what lies where the output goes:
 * cuDNN calls it β = 1, and has the same engines for it as without. Or the sums of y and of y² by
 * channel come with y: for that, in bfloat16, cuDNN has engines that it compiles when they are
 * needed (9.24 has them for all convolutions of a ResNet-50 with 256 pictures, on compute
 * capability 9.0).
 *
 * @param type of all tensors; sums are float
 * @param relu whether the chain ends with max(0, ·)
 * @param statistics whether the two sums are wanted
 */
record CudnnConv(
    Direction direction,
    ConvShape shape,
    DType type,
    boolean bias,
    boolean residual,
    boolean relu,
    boolean statistics) {

  /** What is computed: y from x and w, dx from dy and w, or dw from dy and x. */
  enum Direction {
    FORWARD(
        CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y),
    DATA(
        CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY),
    WEIGHTS(
        CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY);

    /** cuDNN's kind of operation and its attributes. */
    private final int operation;

    private final int alpha;
    private final int beta;
    private final int window;
    private final int x;
    private final int w;
    private final int y;

    Direction(int operation, int alpha, int beta, int window, int x, int w, int y) {
      this.operation = operation;
      this.alpha = alpha;
      this.beta = beta;
      this.window = window;
      this.x = x;
      this.w = w;
      this.y = y;
    }
  }

  /** Which tensor: x or dx, w or dw, y or dy, and what the chain adds. */
  static final long X = 1;

  static final long W = 2;
  static final long Y = 3;
  static final long RESIDUAL = 4;
  static final long BIAS = 5;

  /** Sums over all pixels of each channel, of y and of y². */
  static final long SUMS = 9;

  static final long SQUARES = 10;

  /** The first of those between the operations of the chain. */
  private static final long BETWEEN = 6;

  /** Without statistics. */
  CudnnConv(
      Direction direction,
      ConvShape shape,
      DType type,
      boolean bias,
      boolean residual,
      boolean relu) {
    this(direction, shape, type, bias, residual, relu, false);
  }

  /** y = x ∗ w, and its sums by channel. */
  static CudnnConv withStatistics(ConvShape shape, DType type) {
    return new CudnnConv(Direction.FORWARD, shape, type, false, false, false, true);
  }

  /** Convolution alone. */
  static CudnnConv plain(Direction direction, ConvShape shape, DType type) {
    return new CudnnConv(direction, shape, type, false, false, false);
  }

  /** dx = dy ∗ᵀ w + what dx holds. */
  static CudnnConv adding(ConvShape shape, DType type) {
    return new CudnnConv(Direction.DATA, shape, type, false, true, false);
  }

  /** Whether it adds to what lies where the output goes. */
  boolean adds() {
    return residual && !bias;
  }

  /** The tensors that have addresses, in the order of their ids. */
  long[] ids() {
    if (statistics) {
      return new long[] {X, W, Y, SUMS, SQUARES};
    }
    if (!bias) {
      return new long[] {X, W, Y};
    }
    return residual ? new long[] {X, W, Y, RESIDUAL, BIAS} : new long[] {X, W, Y, BIAS};
  }

  /**
   * Describes it to cuDNN; {@code graph} keeps the parts.
   *
   * @throws CudnnException when cuDNN does not know such a graph
   */
  void describe(CudnnGraph graph) {
    ConvShape s = shape;
    CudnnDescriptor x = graph.part(new CudnnTensor(X, type, s.n(), s.c(), s.h(), s.w(), false));
    CudnnDescriptor w =
        graph.part(new CudnnTensor(W, type, s.k(), s.c() / s.groups(), s.kh(), s.kw(), false));
    CudnnDescriptor y = graph.part(output(Y));
    CudnnDescriptor sum = bias ? graph.part(between(BETWEEN)) : y;
    graph.operation(
        new CudnnDescriptor(direction.operation, toString())
            .float32(direction.alpha, 1)
            .float32(direction.beta, adds() ? 1 : 0)
            .descriptors(direction.window, graph.part(window(s)))
            .descriptors(direction.x, x)
            .descriptors(direction.w, w)
            .descriptors(direction.y, sum));
    if (residual && bias) {
      CudnnDescriptor added = graph.part(between(BETWEEN + 1));
      pointwise(graph, CUDNN_POINTWISE_ADD, sum, graph.part(output(RESIDUAL)), added);
      sum = added;
    }
    if (bias) {
      CudnnDescriptor added = relu ? graph.part(between(BETWEEN + 2)) : y;
      CudnnDescriptor channels = graph.part(byChannel(BIAS, type));
      pointwise(graph, CUDNN_POINTWISE_ADD, sum, channels, added);
      sum = added;
    }
    if (relu) {
      pointwise(graph, CUDNN_POINTWISE_RELU_FWD, sum, null, y);
    }
    if (statistics) {
      sums(graph, y);
    }
  }

  private void sums(CudnnGraph graph, CudnnDescriptor y) {
    graph.operation(
        new CudnnDescriptor(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR, "the sums of " + this)
            .choice(
                CUDNN_ATTR_OPERATION_GENSTATS_MODE,
                CUDNN_TYPE_GENSTATS_MODE,
                CUDNN_GENSTATS_SUM_SQSUM)
            .choice(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
            .descriptors(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, y)
            .descriptors(
                CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, graph.part(byChannel(SUMS, DType.FLOAT32)))
            .descriptors(
                CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC,
                graph.part(byChannel(SQUARES, DType.FLOAT32))));
  }

  private CudnnTensor byChannel(long id, DType of) {
    return new CudnnTensor(id, of, 1, shape.k(), 1, 1, false);
  }

  private CudnnTensor output(long id) {
    return new CudnnTensor(id, type, shape.n(), shape.k(), shape.outH(), shape.outW(), false);
  }

  /** Between two operations, so never rounded. */
  private CudnnTensor between(long id) {
    return new CudnnTensor(
        id, DType.FLOAT32, shape.n(), shape.k(), shape.outH(), shape.outW(), true);
  }

  private static CudnnDescriptor window(ConvShape s) {
    return new CudnnDescriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "the window of " + s)
        .choice(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .choice(
            CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
        .int64(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2)
        .int64(CUDNN_ATTR_CONVOLUTION_DILATIONS, s.dilationH(), s.dilationW())
        .int64(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, s.strideH(), s.strideW())
        .int64(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, s.padH(), s.padW())
        .int64(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, s.padH(), s.padW())
        .finish();
  }

  /** y = f(x) or f(x, b); b may be repeated. */
  private static void pointwise(
      CudnnGraph graph, int f, CudnnDescriptor x, @Nullable CudnnDescriptor b, CudnnDescriptor y) {
    CudnnDescriptor function =
        new CudnnDescriptor(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "an epilogue's function")
            .choice(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, f)
            .choice(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    if (f == CUDNN_POINTWISE_RELU_FWD) {
      function.choice(
          CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, CUDNN_PROPAGATE_NAN);
    }
    CudnnDescriptor operation =
        new CudnnDescriptor(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "an epilogue")
            .descriptors(
                CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, graph.part(function.finish()))
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    if (b != null) {
      operation.descriptors(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    }
    graph.operation(operation);
  }

  /** One word each, for messages and for the file of plans. */
  @Override
  public String toString() {
    ConvShape s = shape;
    return String.format(
        Locale.ROOT,
        "conv.%s%s%s%s%s %s x=%dx%dx%dx%d w=%dx%dx%d stride=%dx%d pad=%dx%d dilation=%dx%d groups=%d",
        direction.name().toLowerCase(Locale.ROOT),
        residual ? "+residual" : "",
        bias ? "+bias" : "",
        relu ? "+relu" : "",
        statistics ? "+statistics" : "",
        type,
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
        s.groups());
  }
}
