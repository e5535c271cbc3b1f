package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
import static org.bytedeco.cuda.global.cudart.CU_STREAM_NON_BLOCKING;
import static org.bytedeco.cuda.global.cudart.cuGraphDestroy;
import static org.bytedeco.cuda.global.cudart.cuGraphExecDestroy;
import static org.bytedeco.cuda.global.cudart.cuGraphInstantiate;
import static org.bytedeco.cuda.global.cudart.cuGraphLaunch;
import static org.bytedeco.cuda.global.cudart.cuStreamBeginCapture;
import static org.bytedeco.cuda.global.cudart.cuStreamCreate;
import static org.bytedeco.cuda.global.cudart.cuStreamDestroy;
import static org.bytedeco.cuda.global.cudart.cuStreamEndCapture;

import dev.thaw.backend.Backend.Replay;
import org.bytedeco.cuda.cudart.CUgraphExec_st;
import org.bytedeco.cuda.cudart.CUgraph_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.jspecify.annotations.Nullable;

/** A CUDA graph: what a list of calls queued, launched as one. */
final class CapturedStep implements Replay {
  private static final System.Logger LOG = System.getLogger(CapturedStep.class.getName());

  private final Card card;
  private final Workspace workspace;
  private final CUgraphExec_st graph;

  private CapturedStep(Card card, Workspace workspace, CUgraphExec_st graph) {
    this.card = card;
    this.workspace = workspace;
    this.graph = graph;
  }

  /**
   * Notes what {@code calls} queue on the card's stream; nothing runs. They ran before, so that
   * libraries have chosen their algorithms and the workspace has its size.
   *
   * @return null where the driver or a library refuses, which a warning says: what ran before runs
   *     again call by call
   */
  static @Nullable CapturedStep of(Card card, Workspace workspace, Runnable calls) {
    card.enter();
    workspace.hold();
    CUstream_st stream = new CUstream_st();
    CUgraph_st noted = new CUgraph_st();
    try {
      check("cuStreamCreate", cuStreamCreate(stream, CU_STREAM_NON_BLOCKING));
      note(card, stream, noted, calls);
      CUgraphExec_st graph = new CUgraphExec_st();
      check("cuGraphInstantiate", cuGraphInstantiate(graph, noted, 0));
      return new CapturedStep(card, workspace, graph);
    } catch (IllegalStateException e) {
      // What the driver, cuBLASLt and cuDNN refuse; if it has another cause, the next call says so.
      workspace.letGo();
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: this step cannot be recorded as a graph and runs call by call: {1}",
          card.device(),
          e.getMessage());
      return null;
    } catch (RuntimeException | Error e) {
      workspace.letGo();
      throw e;
    } finally {
      if (!noted.isNull()) {
        check("cuGraphDestroy", cuGraphDestroy(noted));
      }
      if (!stream.isNull()) {
        check("cuStreamDestroy", cuStreamDestroy(stream));
      }
    }
  }

  /** On a stream of its own: what other threads launch meanwhile is not part of the step. */
  private static void note(Card card, CUstream_st stream, CUgraph_st noted, Runnable calls) {
    check(
        "cuStreamBeginCapture", cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    card.note(stream);
    boolean whole = false;
    try {
      calls.run();
      whole = true;
    } finally {
      card.endNoting();
      int code = cuStreamEndCapture(stream, noted);
      if (whole) {
        check("cuStreamEndCapture", code);
      }
    }
  }

  private static void check(String call, int code) {
    CudaException.check(call, code);
  }

  @Override
  public void run() {
    card.enter();
    int code = cuGraphLaunch(graph, card.stream());
    if (code != 0) {
      CudaException.check("cuGraphLaunch on " + card.device(), code);
    }
  }

  @Override
  public void close() {
    card.synchronize();
    CudaException.check("cuGraphExecDestroy", cuGraphExecDestroy(graph));
    workspace.letGo();
  }
}
