package dev.thaw.bench.gpu;

import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;
import static org.bytedeco.cuda.global.cudart.cuStreamCreate;
import static org.bytedeco.cuda.global.cudart.cuStreamDestroy;
import static org.bytedeco.cuda.global.cudart.cuStreamSynchronize;
import static org.bytedeco.cuda.global.cudnn.CUDNN_CROSS_CORRELATION;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DATA_BFLOAT16;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DATA_FLOAT;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DEFAULT_MATH;
import static org.bytedeco.cuda.global.cudnn.CUDNN_DETERMINISTIC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_FMA_MATH;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TENSOR_NHWC;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TENSOR_OP_MATH;
import static org.bytedeco.cuda.global.cudnn.cudnnConvolutionBackwardData;
import static org.bytedeco.cuda.global.cudnn.cudnnConvolutionBackwardFilter;
import static org.bytedeco.cuda.global.cudnn.cudnnConvolutionForward;
import static org.bytedeco.cuda.global.cudnn.cudnnCreate;
import static org.bytedeco.cuda.global.cudnn.cudnnCreateConvolutionDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnCreateFilterDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnCreateTensorDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnDestroy;
import static org.bytedeco.cuda.global.cudnn.cudnnDestroyConvolutionDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnDestroyFilterDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnDestroyTensorDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnFindConvolutionBackwardDataAlgorithmEx;
import static org.bytedeco.cuda.global.cudnn.cudnnFindConvolutionBackwardFilterAlgorithmEx;
import static org.bytedeco.cuda.global.cudnn.cudnnFindConvolutionForwardAlgorithmEx;
import static org.bytedeco.cuda.global.cudnn.cudnnGetErrorString;
import static org.bytedeco.cuda.global.cudnn.cudnnSetConvolution2dDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnSetConvolutionGroupCount;
import static org.bytedeco.cuda.global.cudnn.cudnnSetConvolutionMathType;
import static org.bytedeco.cuda.global.cudnn.cudnnSetFilter4dDescriptor;
import static org.bytedeco.cuda.global.cudnn.cudnnSetStream;
import static org.bytedeco.cuda.global.cudnn.cudnnSetTensor4dDescriptor;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.List;
import java.util.function.IntFunction;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.cudnn.cudnnConvolutionBwdDataAlgoPerf_t;
import org.bytedeco.cuda.cudnn.cudnnConvolutionBwdFilterAlgoPerf_t;
import org.bytedeco.cuda.cudnn.cudnnConvolutionFwdAlgoPerf_t;
import org.bytedeco.cuda.cudnn.cudnnConvolutionStruct;
import org.bytedeco.cuda.cudnn.cudnnFilterStruct;
import org.bytedeco.cuda.cudnn.cudnnTensorStruct;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions by cuDNN's older functions, one a direction, which its graphs have replaced: what
 * Thaw's way through the graphs is measured against. As there, of the algorithms that give the same
 * bits each time the fastest serves, found by running all. Calls are queued on a stream of its own.
 *
 * <p>All tensors are of one type, the gradient of the weights too; Thaw's is float32, which costs
 * its graph a cast.
 */
@SuppressWarnings("deprecation") // that they are is why they are measured
final class LegacyConvolutions implements AutoCloseable {
  /** Those of {@link #FUNCTIONS}, and of what they are made with. */
  private static final List<String> LIBRARIES =
      List.of("libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9");

  /** All that is called here and that a cuDNN to come may leave out. */
  private static final List<String> FUNCTIONS =
      List.of(
          "cudnnCreateTensorDescriptor",
          "cudnnSetTensor4dDescriptor",
          "cudnnDestroyTensorDescriptor",
          "cudnnCreateFilterDescriptor",
          "cudnnSetFilter4dDescriptor",
          "cudnnDestroyFilterDescriptor",
          "cudnnCreateConvolutionDescriptor",
          "cudnnSetConvolution2dDescriptor",
          "cudnnSetConvolutionGroupCount",
          "cudnnSetConvolutionMathType",
          "cudnnDestroyConvolutionDescriptor",
          "cudnnFindConvolutionForwardAlgorithmEx",
          "cudnnFindConvolutionBackwardDataAlgorithmEx",
          "cudnnFindConvolutionBackwardFilterAlgorithmEx",
          "cudnnConvolutionForward",
          "cudnnConvolutionBackwardData",
          "cudnnConvolutionBackwardFilter");

  /** More than there are algorithms of a direction, in both kinds of arithmetic. */
  private static final int MOST = 24;

  private static final FloatPointer ONE = new FloatPointer(1).put(1);
  private static final FloatPointer ZERO = new FloatPointer(1).put(0);

  private final cudnnContext context = new cudnnContext();
  private final CUstream_st stream = new CUstream_st();
  private final cudnnTensorStruct xs = new cudnnTensorStruct();
  private final cudnnTensorStruct ys = new cudnnTensorStruct();
  private final cudnnFilterStruct ws = new cudnnFilterStruct();
  private final cudnnConvolutionStruct window = new cudnnConvolutionStruct();
  private final Buffer room;
  private final Pointer workspace;
  private String what = "none yet";
  private int math;

  /**
   * What is to be called.
   *
   * @param algorithm its number
   * @param memory bytes of workspace
   * @param math what it multiplies by
   */
  private record Choice(int algorithm, long memory, int math) {}

  /** An address as JavaCPP passes it. */
  private static final class Place extends Pointer {
    Place(long at) {
      address = at;
    }
  }

  /**
   * A context on the card that {@code backend} drives, which the calling thread has used before.
   *
   * @param bytes of workspace that algorithms may use
   */
  LegacyConvolutions(Backend backend, long bytes) {
    room = backend.pool().allocate(DType.UINT8, bytes, Purpose.WORKSPACE);
    workspace = new Place(room.address());
    check("cudnnCreate", cudnnCreate(context));
    int code = cuStreamCreate(stream, CU_STREAM_NON_BLOCKING);
    if (code != 0) {
      throw new IllegalStateException("cuStreamCreate: error " + code);
    }
    check("cudnnSetStream", cudnnSetStream(context, stream));
    check("cudnnCreateTensorDescriptor", cudnnCreateTensorDescriptor(xs));
    check("cudnnCreateTensorDescriptor", cudnnCreateTensorDescriptor(ys));
    check("cudnnCreateFilterDescriptor", cudnnCreateFilterDescriptor(ws));
    check("cudnnCreateConvolutionDescriptor", cudnnCreateConvolutionDescriptor(window));
  }

  /**
   * Says what the next convolutions are.
   *
   * @param type of all tensors
   * @param tf32 whether float32 factors may be rounded to TF32
   */
  void describe(ConvShape s, DType type, boolean tf32) {
    what = s + " of " + type;
    int data = type == DType.BFLOAT16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
    check(
        "cudnnSetTensor4dDescriptor",
        cudnnSetTensor4dDescriptor(xs, CUDNN_TENSOR_NHWC, data, s.n(), s.c(), s.h(), s.w()));
    check(
        "cudnnSetTensor4dDescriptor",
        cudnnSetTensor4dDescriptor(ys, CUDNN_TENSOR_NHWC, data, s.n(), s.k(), s.outH(), s.outW()));
    check(
        "cudnnSetFilter4dDescriptor",
        cudnnSetFilter4dDescriptor(
            ws, data, CUDNN_TENSOR_NHWC, s.k(), s.c() / s.groups(), s.kh(), s.kw()));
    check(
        "cudnnSetConvolution2dDescriptor",
        cudnnSetConvolution2dDescriptor(
            window,
            s.padH(),
            s.padW(),
            s.strideH(),
            s.strideW(),
            s.dilationH(),
            s.dilationW(),
            CUDNN_CROSS_CORRELATION,
            CUDNN_DATA_FLOAT));
    check("cudnnSetConvolutionGroupCount", cudnnSetConvolutionGroupCount(window, s.groups()));
    math =
        type == DType.BFLOAT16 ? CUDNN_TENSOR_OP_MATH : tf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
  }

  /** Why they cannot be called here, or null: calling one that is missing would end the process. */
  static @Nullable String missing() {
    return missing(FUNCTIONS);
  }

  /** The same of some functions. */
  static @Nullable String missing(List<String> functions) {
    try {
      LIBRARIES.forEach(Loader::loadGlobal);
      for (String function : functions) {
        Pointer found = Loader.addressof(function);
        if (found == null || found.isNull()) {
          return "not there: this cuDNN has no " + function;
        }
      }
    } catch (LinkageError e) {
      return "not there: " + String.valueOf(e.getMessage()).replace('\n', ' ');
    }
    return null;
  }

  /** Finds how y = x ∗ w is fastest; what there is in y is lost. */
  Runnable forward(Buffer y, Buffer x, Buffer w) {
    Pointer toY = new Place(y.address());
    Pointer atX = new Place(x.address());
    Pointer atW = new Place(w.address());
    int[] count = new int[1];
    Choice best;
    multiplyBy(math);
    try (cudnnConvolutionFwdAlgoPerf_t found = new cudnnConvolutionFwdAlgoPerf_t(MOST)) {
      check(
          "cudnnFindConvolutionForwardAlgorithmEx",
          cudnnFindConvolutionForwardAlgorithmEx(
              context,
              xs,
              atX,
              ws,
              atW,
              window,
              ys,
              toY,
              MOST,
              count,
              found,
              workspace,
              room.bytes()));
      best =
          fastest(
              count[0],
              i -> {
                cudnnConvolutionFwdAlgoPerf_t at = found.getPointer(i);
                return usable(at.status(), at.determinism(), at.algo(), at.memory(), at.mathType());
              });
    }
    return () ->
        check(
            "cudnnConvolutionForward",
            cudnnConvolutionForward(
                context,
                ONE,
                xs,
                atX,
                ws,
                atW,
                window,
                best.algorithm,
                workspace,
                best.memory,
                ZERO,
                ys,
                toY));
  }

  /** The same of the gradient of x. */
  Runnable backwardData(Buffer dx, Buffer dy, Buffer w) {
    Pointer toX = new Place(dx.address());
    Pointer atY = new Place(dy.address());
    Pointer atW = new Place(w.address());
    int[] count = new int[1];
    Choice best;
    multiplyBy(math);
    try (cudnnConvolutionBwdDataAlgoPerf_t found = new cudnnConvolutionBwdDataAlgoPerf_t(MOST)) {
      check(
          "cudnnFindConvolutionBackwardDataAlgorithmEx",
          cudnnFindConvolutionBackwardDataAlgorithmEx(
              context,
              ws,
              atW,
              ys,
              atY,
              window,
              xs,
              toX,
              MOST,
              count,
              found,
              workspace,
              room.bytes()));
      best =
          fastest(
              count[0],
              i -> {
                cudnnConvolutionBwdDataAlgoPerf_t at = found.getPointer(i);
                return usable(at.status(), at.determinism(), at.algo(), at.memory(), at.mathType());
              });
    }
    return () ->
        check(
            "cudnnConvolutionBackwardData",
            cudnnConvolutionBackwardData(
                context,
                ONE,
                ws,
                atW,
                ys,
                atY,
                window,
                best.algorithm,
                workspace,
                best.memory,
                ZERO,
                xs,
                toX));
  }

  /** The same of the gradient of w. */
  Runnable backwardWeights(Buffer dw, Buffer dy, Buffer x) {
    Pointer toW = new Place(dw.address());
    Pointer atY = new Place(dy.address());
    Pointer atX = new Place(x.address());
    int[] count = new int[1];
    Choice best;
    multiplyBy(math);
    try (cudnnConvolutionBwdFilterAlgoPerf_t found =
        new cudnnConvolutionBwdFilterAlgoPerf_t(MOST)) {
      check(
          "cudnnFindConvolutionBackwardFilterAlgorithmEx",
          cudnnFindConvolutionBackwardFilterAlgorithmEx(
              context,
              xs,
              atX,
              ys,
              atY,
              window,
              ws,
              toW,
              MOST,
              count,
              found,
              workspace,
              room.bytes()));
      best =
          fastest(
              count[0],
              i -> {
                cudnnConvolutionBwdFilterAlgoPerf_t at = found.getPointer(i);
                return usable(at.status(), at.determinism(), at.algo(), at.memory(), at.mathType());
              });
    }
    return () ->
        check(
            "cudnnConvolutionBackwardFilter",
            cudnnConvolutionBackwardFilter(
                context,
                ONE,
                xs,
                atX,
                ys,
                atY,
                window,
                best.algorithm,
                workspace,
                best.memory,
                ZERO,
                ws,
                toW));
  }

  /** The first that can be used of {@code count}, which cuDNN lists as they are fast. */
  private Choice fastest(int count, IntFunction<@Nullable Choice> choices) {
    for (int i = 0; i < count; i++) {
      Choice choice = choices.apply(i);
      if (choice != null) {
        multiplyBy(choice.math);
        return choice;
      }
    }
    throw new IllegalStateException("no algorithm repeats to the bit for " + what);
  }

  private @Nullable Choice usable(
      int status, int determinism, int algorithm, long memory, int math) {
    return status == 0 && determinism == CUDNN_DETERMINISTIC && memory <= room.bytes()
        ? new Choice(algorithm, memory, math)
        : null;
  }

  private void multiplyBy(int math) {
    check("cudnnSetConvolutionMathType", cudnnSetConvolutionMathType(window, math));
  }

  private void check(String call, int status) {
    if (status != 0) {
      throw new IllegalStateException(
          call + " for " + what + ": " + cudnnGetErrorString(status).getString());
    }
  }

  /** Waits for all calls. */
  void synchronize() {
    int code = cuStreamSynchronize(stream);
    if (code != 0) {
      throw new IllegalStateException("cuStreamSynchronize behind " + what + ": error " + code);
    }
  }

  @Override
  public void close() {
    synchronize();
    check("cudnnDestroyTensorDescriptor", cudnnDestroyTensorDescriptor(xs));
    check("cudnnDestroyTensorDescriptor", cudnnDestroyTensorDescriptor(ys));
    check("cudnnDestroyFilterDescriptor", cudnnDestroyFilterDescriptor(ws));
    check("cudnnDestroyConvolutionDescriptor", cudnnDestroyConvolutionDescriptor(window));
    check("cudnnDestroy", cudnnDestroy(context));
    cuStreamDestroy(stream);
    room.release();
  }
}
