package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.thaw.backend.ConvShape;
import dev.thaw.backend.UnavailableException;
import dev.thaw.cuda.CudnnConv.Direction;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.api.function.Executable;

/**
 * The stand-in refuses descriptors that cuDNN's documentation forbids, so that a mistake in ours
 * shows without a card. cuDNN itself takes some of them, and computes something else or ends the
 * process; so these run on the stand-in alone.
 */
@DisabledIfEnvironmentVariable(
    named = "THAW_WITNESS",
    matches = ".+",
    disabledReason = "the engines are the stand-in's own")
final class CudnnDescriptorTest {
  private static final ConvShape SHAPE = new ConvShape(2, 6, 6, 8, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1);

  private final CudaBackend backend = OnACard.backend();
  private final CudnnLibrary cudnn;
  private final List<CudnnDescriptor> made = new ArrayList<>();

  CudnnDescriptorTest() throws UnavailableException {
    assumeTrue(
        backend.device().kind().equals("cuda-sim"), "planted mistakes are for the stand-in alone");
    cudnn = CudnnLibrary.open(backend.card());
  }

  @AfterEach
  void close() {
    made.forEach(CudnnDescriptor::close);
  }

  /** A finished description of our making. */
  private CudnnDescriptor tensor(long id, int n, int c, int h, int w) {
    return kept(new CudnnTensor(id, DType.FLOAT32, n, c, h, w, false).describe());
  }

  private CudnnDescriptor kept(CudnnDescriptor descriptor) {
    made.add(descriptor);
    return descriptor;
  }

  /** x as it should be, but for what {@code mistakes} sets and {@code left} leaves out. */
  private CudnnDescriptor x(int left, Map<Integer, long[]> mistakes) {
    CudnnDescriptor x = kept(new CudnnDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "x"));
    Map<Integer, long[]> numbers =
        new TreeMap<>(
            Map.of(
                CUDNN_ATTR_TENSOR_UNIQUE_ID, new long[] {1},
                CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, new long[] {16},
                CUDNN_ATTR_TENSOR_DIMENSIONS, new long[] {2, 8, 6, 6},
                CUDNN_ATTR_TENSOR_STRIDES, new long[] {288, 1, 48, 8}));
    numbers.putAll(mistakes);
    numbers.remove(left);
    numbers.forEach(x::int64);
    if (left != CUDNN_ATTR_TENSOR_DATA_TYPE) {
      x.choice(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
    }
    return x;
  }

  private CudnnDescriptor x(int mistaken, long... numbers) {
    return x(-1, Map.of(mistaken, numbers));
  }

  private CudnnDescriptor window(long... paddings) {
    return kept(new CudnnDescriptor(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, "window"))
        .choice(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .choice(
            CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
        .int64(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2)
        .int64(CUDNN_ATTR_CONVOLUTION_DILATIONS, 1, 1)
        .int64(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 1, 1)
        .int64(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, paddings)
        .int64(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, 1, 1);
  }

  private CudnnDescriptor forward(CudnnDescriptor x, CudnnDescriptor w, CudnnDescriptor y) {
    return forward(x, w, y, 0);
  }

  private CudnnDescriptor forward(
      CudnnDescriptor x, CudnnDescriptor w, CudnnDescriptor y, float beta) {
    return kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "y"))
        .float32(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1)
        .float32(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, beta)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window(1, 1).finish())
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
  }

  private CudnnDescriptor good() {
    return forward(tensor(1, 2, 8, 6, 6), tensor(2, 4, 8, 3, 3), tensor(3, 2, 4, 6, 6));
  }

  private CudnnDescriptor graph(CudnnDescriptor... operations) {
    return kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph"))
        .context(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, cudnn.context())
        .descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  }

  private CudnnDescriptor add(CudnnDescriptor x, CudnnDescriptor b, CudnnDescriptor y) {
    CudnnDescriptor function =
        kept(new CudnnDescriptor(CUDNN_BACKEND_POINTWISE_DESCRIPTOR, "add"))
            .choice(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, CUDNN_POINTWISE_ADD)
            .choice(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
            .finish();
    return kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, "x + b"))
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  }

  private CudnnDescriptor sums(CudnnDescriptor y, CudnnDescriptor sum, CudnnDescriptor squares) {
    return kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR, "sums of y"))
        .choice(
            CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, CUDNN_GENSTATS_SUM_SQSUM)
        .choice(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .descriptors(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, y)
        .descriptors(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sum)
        .descriptors(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, squares);
  }

  private static void refused(int status, String words, Executable call) {
    CudnnException e = assertThrows(CudnnException.class, call);
    assertEquals(status, e.status, e.getMessage());
    String message = String.valueOf(e.getMessage());
    assertEquals(words, message.substring(message.indexOf("), ") + 3));
  }

  @Test
  void asTheyShouldBe() {
    x(-1, Map.of()).finish();
    window(1, 1).finish();
    CudnnDescriptor graph = graph(good().finish()).finish();
    assertThrows(CudnnException.class, graph::finish);
  }

  @Test
  void tensors() {
    for (int required :
        new int[] {
          CUDNN_ATTR_TENSOR_UNIQUE_ID,
          CUDNN_ATTR_TENSOR_DATA_TYPE,
          CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT,
          CUDNN_ATTR_TENSOR_DIMENSIONS,
          CUDNN_ATTR_TENSOR_STRIDES
        }) {
      refused(
          CUDNN_STATUS_BAD_PARAM,
          "attribute " + required + " of a tensor must be set",
          () -> x(required, Map.of()).finish());
    }
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "channels lie innermost: dimensions [2, 8, 6, 6] have strides [288, 1, 48, 8], found [288,"
            + " 36, 6, 1]",
        () -> x(CUDNN_ATTR_TENSOR_STRIDES, 288, 36, 6, 1).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "a tensor of dimensions [2, 8, 6, 6] with strides [288, 1, 48]",
        () -> x(CUDNN_ATTR_TENSOR_STRIDES, 288, 1, 48).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "dimensions [0, 8, 6, 6] and strides [288, 1, 48, 8] must be positive",
        () -> x(CUDNN_ATTR_TENSOR_DIMENSIONS, 0, 8, 6, 6).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "an alignment of 2 bytes, with elements of 4",
        () -> x(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 2).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "the stand-in's engines read 16 bytes at once, found an alignment of 4",
        () -> x(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 4).finish());
  }

  @Test
  void attributes() {
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "attribute 906 of a tensor has 1 to 1 elements, found 2",
        () -> x(CUDNN_ATTR_TENSOR_UNIQUE_ID, 1, 2));
    refused(
        CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
        "attribute 901 of a tensor is of type 1, found 3",
        () -> x(CUDNN_ATTR_TENSOR_DATA_TYPE, 0));
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "a tensor has no attribute 106",
        () -> x(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2));
    CudnnDescriptor x = x(-1, Map.of());
    refused(
        CUDNN_STATUS_NOT_INITIALIZED,
        "attribute 906 of a tensor cannot be read: it is not finished",
        () -> x.int64(CUDNN_ATTR_TENSOR_UNIQUE_ID));
    x.finish();
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "attribute 906 of a tensor can no longer be set: it is finished",
        () -> x.int64(CUDNN_ATTR_TENSOR_UNIQUE_ID, 2));
    CudnnDescriptor gone = new CudnnDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "gone");
    gone.close();
    refused(
        CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
        "no such descriptor, or it was destroyed",
        gone::finish);
  }

  @Test
  void windows() {
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "attribute 105 has one element a spatial dimension, found [1]",
        () -> window(1).finish());
    refused(CUDNN_STATUS_BAD_PARAM, "attribute 105 is [-1, 1]", () -> window(-1, 1).finish());
  }

  @Test
  void convolutions() {
    CudnnDescriptor x = tensor(1, 2, 8, 6, 6);
    CudnnDescriptor w = tensor(2, 4, 8, 3, 3);
    refused(
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
        "channels of x, a multiple of the weights': expected 3, found 8",
        () -> forward(x, tensor(2, 4, 3, 3, 3), tensor(3, 2, 4, 6, 6)).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
        "height of y: expected 6, found 5",
        () -> forward(x, w, tensor(3, 2, 4, 5, 6)).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
        "channels of y: expected 4, found 5",
        () -> forward(x, w, tensor(3, 2, 5, 6, 6)).finish());
    forward(x, w, tensor(3, 2, 4, 6, 6), 1).finish();
    refused(
        CUDNN_STATUS_NOT_SUPPORTED,
        "the stand-in has alpha 1 and beta 0 or 1",
        () -> forward(x, w, tensor(3, 2, 4, 6, 6), 0.5f).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
        "attribute 704 of a convolution: a tensor that is not finished",
        () -> forward(x(-1, Map.of()), w, tensor(3, 2, 4, 6, 6)));
    refused(
        CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
        "attribute 703 of a convolution: found a convolution's window",
        () -> forward(x, window(1, 1).finish(), tensor(3, 2, 4, 6, 6)));
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "attribute 700 of a convolution must be set",
        () ->
            kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, "y"))
                .finish());
  }

  @Test
  void graphs() {
    CudnnDescriptor x = tensor(1, 2, 8, 6, 6);
    CudnnDescriptor w = tensor(2, 4, 8, 3, 3);
    CudnnDescriptor y = tensor(3, 2, 4, 6, 6);
    CudnnDescriptor between = kept(new CudnnTensor(6, DType.FLOAT32, 2, 4, 6, 6, true).describe());
    refused(
        CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES,
        "two tensors have the id 1",
        () -> graph(forward(x, tensor(1, 4, 8, 3, 3), y).finish()).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
        "attribute 801 of an operation graph: a convolution that is not finished",
        () -> graph(good()));
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "tensor 6 is virtual, and is not both written and read",
        () -> graph(forward(x, w, between).finish()).finish());
    CudnnDescriptor real = tensor(7, 2, 4, 6, 6);
    CudnnDescriptor bias = tensor(5, 1, 4, 1, 1);
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "tensor 7 is written and read, and is not virtual",
        () -> graph(forward(x, w, real).finish(), add(real, bias, y).finish()).finish());
    refused(
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
        "a dimension of b, or 1: expected 4, found 3",
        () -> add(between, tensor(5, 1, 3, 1, 1), y).finish());
    graph(forward(x, w, between).finish(), add(between, bias, y).finish()).finish();
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "attribute 800 of an operation graph must be set",
        () ->
            kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph"))
                .descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, good().finish())
                .finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "no such context, or it was destroyed",
        () ->
            kept(new CudnnDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, "graph"))
                .context(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, new cudnnContext()));
  }

  @Test
  void sumsByChannel() {
    CudnnDescriptor x = tensor(1, 2, 8, 6, 6);
    CudnnDescriptor w = tensor(2, 4, 8, 3, 3);
    CudnnDescriptor y = tensor(3, 2, 4, 6, 6);
    CudnnDescriptor sum = tensor(9, 1, 4, 1, 1);
    CudnnDescriptor squares = tensor(10, 1, 4, 1, 1);
    graph(forward(x, w, y).finish(), sums(y, sum, squares).finish()).finish();
    refused(
        CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
        "a dimension of a sum by channel: expected 4, found 8",
        () -> sums(y, sum, tensor(10, 1, 8, 1, 1)).finish());
    refused(
        CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE,
        "sums by channel are float",
        () ->
            sums(y, kept(new CudnnTensor(9, DType.BFLOAT16, 1, 4, 1, 1, false).describe()), squares)
                .finish());
    refused(
        CUDNN_STATUS_BAD_PARAM,
        "a tensor is written twice",
        () -> graph(forward(x, w, y).finish(), sums(y, sum, sum).finish()).finish());
    refused(
        CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN,
        "the stand-in has chains that begin with a convolution",
        () -> {
          CudnnDescriptor other = tensor(4, 2, 4, 6, 6);
          graph(forward(x, w, y).finish(), sums(other, sum, squares).finish()).finish();
        });
  }

  /** Addresses are checked when they are used. */
  @Test
  void addresses() {
    CudnnConv conv = CudnnConv.plain(Direction.FORWARD, SHAPE, DType.FLOAT32);
    try (CudnnGraph graph = new CudnnGraph(cudnn.context(), conv)) {
      // Engine 5, which computes in room for y.
      CudnnDescriptor way = graph.configurations(CUDNN_HEUR_MODE_A).get(4);
      CudaStorage memory = CudaStorage.allocate(backend.card(), 1 << 16);
      long x = memory.address();
      long w = x + (1 << 12);
      long y = x + (1 << 13);
      long room = x + (1 << 14);
      try (CudnnPlan plan = new CudnnPlan("A 4", cudnn, way, conv.ids())) {
        assertEquals(2 * 4 * 6 * 6 * Float.BYTES, plan.workspace());
        plan.execute(cudnn, new long[] {x, w, y}, room);
        backend.synchronize();
        refused(
            CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
            "the address of tensor 1 is no multiple of 16",
            () -> plan.execute(cudnn, new long[] {x + 4, w, y}, room));
        refused(
            CUDNN_STATUS_BAD_PARAM_NULL_POINTER,
            "tensor 2 lies at 0",
            () -> plan.execute(cudnn, new long[] {x, 0, y}, room));
        refused(
            CUDNN_STATUS_BAD_PARAM,
            "tensor 1 overlaps the output",
            () -> plan.execute(cudnn, new long[] {x, w, x + 16}, room));
        refused(
            CUDNN_STATUS_BAD_PARAM,
            "a tensor overlaps the workspace",
            () -> plan.execute(cudnn, new long[] {x, w, y}, y));
        refused(
            CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT,
            "no 1152 bytes at the workspace's address",
            () -> plan.execute(cudnn, new long[] {x, w, y}, x + (1 << 16) - 1024));
        CudnnException outside =
            assertThrows(
                CudnnException.class,
                () -> plan.execute(cudnn, new long[] {x, w, x + (1 << 16) - 1024}, room));
        assertEquals(CUDNN_STATUS_EXECUTION_FAILED, outside.status);
      }
      try (CudnnPlan two = new CudnnPlan("A 4", cudnn, way, new long[] {1, 2})) {
        refused(
            CUDNN_STATUS_BAD_PARAM,
            "a pack of 2 addresses for 3 tensors",
            () -> two.execute(cudnn, new long[] {x, w}, room));
      }
      memory.free();
    }
  }
}
