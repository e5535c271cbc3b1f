package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINEHEUR_MODE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINEHEUR_RESULTS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATIONGRAPH_HANDLE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_OPERATIONGRAPH_OPS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_ENGINECFG_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_HEUR_MODE;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.cuda.cudnn.cudnnContext;

/** Operations that cuDNN is asked to do together, and all descriptors that they are made of. */
final class CudnnGraph implements AutoCloseable {
  private final List<CudnnDescriptor> parts = new ArrayList<>();
  private final List<CudnnDescriptor> operations = new ArrayList<>();
  private final CudnnDescriptor graph;

  /**
   * The graph of {@code conv}.
   *
   * @throws CudnnException when cuDNN does not know such a graph
   */
  CudnnGraph(cudnnContext context, CudnnConv conv) {
    try {
      conv.describe(this);
      graph =
          part(new CudnnDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, conv.toString()))
              .context(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, context)
              .descriptors(
                  CUDNN_ATTR_OPERATIONGRAPH_OPS, operations.toArray(new CudnnDescriptor[0]))
              .finish();
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Keeps a descriptor until the graph is closed. */
  CudnnDescriptor part(CudnnDescriptor descriptor) {
    parts.add(descriptor);
    return descriptor;
  }

  /** Describes a tensor of the graph. */
  CudnnDescriptor part(CudnnTensor tensor) {
    return part(tensor.describe());
  }

  /** Finishes and adds an operation. */
  void operation(CudnnDescriptor operation) {
    operations.add(part(operation).finish());
  }

  /**
   * Ways to compute it, the most promising first, as cuDNN's rule of thumb {@code mode} has it;
   * whether they work here is seen when a plan is made of one.
   */
  List<CudnnDescriptor> configurations(int mode) {
    CudnnDescriptor heuristics =
        part(new CudnnDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, "heuristics for " + graph))
            .descriptors(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
            .choice(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode)
            .finish();
    List<CudnnDescriptor> found = new ArrayList<>();
    for (int i = heuristics.count(CUDNN_ATTR_ENGINEHEUR_RESULTS); i > 0; i--) {
      found.add(
          part(new CudnnDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, "a way for " + graph)));
    }
    // Fewer may come than were counted.
    return found.subList(0, heuristics.read(CUDNN_ATTR_ENGINEHEUR_RESULTS, found));
  }

  @Override
  public void close() {
    // Whatever refers to others was made after them.
    for (int i = parts.size() - 1; i >= 0; i--) {
      parts.get(i).close();
    }
    parts.clear();
  }

  @Override
  public String toString() {
    return graph.toString();
  }
}
