package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINECFG_ENGINE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_EXECUTION_PLAN_HANDLE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS;
import static org.bytedeco.cuda.global.cudnn.CUDNN_ATTR_VARIANT_PACK_WORKSPACE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_ENGINE_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_BEHAVIOR_NOTE;
import static org.bytedeco.cuda.global.cudnn.CUDNN_TYPE_NUMERICAL_NOTE;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A graph with the engine that computes it. Addresses reach cuDNN as a variant pack, which costs a
 * dozen calls and some objects to make and is good for one set of addresses; so the last few are
 * kept, and a step whose memory was planned makes none after its first run.
 *
 * <p>Not for several threads at once: whoever executes it holds the card's workspace, which no two
 * threads do.
 */
final class CudnnPlan implements AutoCloseable {
  /** Layers of one shape share a plan; a ResNet-50 has six such at most. */
  private static final int PACKS = 16;

  /** More kinds of notes than there are. */
  private static final int MOST_NOTES = 32;

  private static final class Pack {
    final long[] addresses;
    final long workspace;
    final CudnnDescriptor descriptor;

    Pack(long[] addresses, long workspace, CudnnDescriptor descriptor) {
      this.addresses = addresses;
      this.workspace = workspace;
      this.descriptor = descriptor;
    }
  }

  private final String name;
  private final long[] ids;
  private final CudnnDescriptor plan;
  private final long workspace;
  private final @Nullable Pack[] packs = new @Nullable Pack[PACKS];
  private int next;

  /**
   * Prepares {@code configuration}, one of the graph's.
   *
   * @param name for messages
   * @param ids of the tensors that have addresses
   * @throws CudnnException when it does not work here
   */
  CudnnPlan(String name, CudnnLibrary cudnn, CudnnDescriptor configuration, long[] ids) {
    this.name = name;
    this.ids = ids;
    CudnnDescriptor made = new CudnnDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, name);
    try {
      made.context(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, cudnn.context())
          .descriptors(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration)
          .finish();
      workspace = made.int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    } catch (RuntimeException e) {
      made.close();
      throw e;
    }
    plan = made;
  }

  /** Whether the engine of {@code configuration} may compute {@code conv}. */
  static boolean allowed(CudnnRules rules, CudnnConv conv, CudnnDescriptor configuration) {
    try (CudnnDescriptor engine =
        new CudnnDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, "the engine of " + configuration)) {
      configuration.read(CUDNN_ATTR_ENGINECFG_ENGINE, List.of(engine));
      return rules.allow(
          conv.type(),
          engine.choices(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, MOST_NOTES),
          engine.choices(CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE, MOST_NOTES));
    }
  }

  /** Bytes it needs to compute in. */
  long workspace() {
    return workspace;
  }

  /**
   * Queues it.
   *
   * @param addresses in the order of the ids
   * @param scratch where the bytes to compute in are
   */
  void execute(CudnnLibrary cudnn, long[] addresses, long scratch) {
    cudnn.execute(plan, pack(addresses, scratch), name);
  }

  private CudnnDescriptor pack(long[] addresses, long scratch) {
    for (Pack pack : packs) {
      if (pack != null && pack.workspace == scratch && Arrays.equals(pack.addresses, addresses)) {
        return pack.descriptor;
      }
    }
    Pack oldest = packs[next];
    if (oldest != null) {
      oldest.descriptor.close();
      packs[next] = null;
    }
    CudnnDescriptor made =
        new CudnnDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, "addresses for " + name)
            .int64(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
            .addresses(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, addresses)
            .addresses(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, scratch)
            .finish();
    packs[next] = new Pack(addresses.clone(), scratch, made);
    next = (next + 1) % PACKS;
    return made;
  }

  @Override
  public void close() {
    for (int i = 0; i < PACKS; i++) {
      Pack pack = packs[i];
      if (pack != null) {
        pack.descriptor.close();
        packs[i] = null;
      }
    }
    plan.close();
  }

  @Override
  public String toString() {
    return name;
  }
}
