package dev.thaw.cuda;

import static org.bytedeco.cuda.global.cudart.CU_EVENT_DEFAULT;
import static org.bytedeco.cuda.global.cudart.cuEventCreate;
import static org.bytedeco.cuda.global.cudart.cuEventElapsedTime;
import static org.bytedeco.cuda.global.cudart.cuEventRecord;
import static org.bytedeco.cuda.global.cudart.cuEventSynchronize;
import static org.bytedeco.cuda.global.cudart.cuMemcpyDtoHAsync;
import static org.bytedeco.cuda.global.cudart.cuMemsetD8Async;
import static org.bytedeco.cuda.global.cudnn.CUDNN_HEUR_MODE_A;
import static org.bytedeco.cuda.global.cudnn.CUDNN_HEUR_MODE_FALLBACK;

import dev.thaw.backend.ConvShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.jspecify.annotations.Nullable;

/**
 * The plan of each convolution, found when it is first computed: cuDNN's heuristics say what might
 * be fast, the rules what may serve, and a run of each on the card what is the fastest. Plans are
 * kept for good: captured steps launch their kernels.
 */
final class CudnnPlans {
  private static final System.Logger LOG = System.getLogger(CudnnPlans.class.getName());

  /** Plans that are made, and run, for one convolution. */
  private static final int MOST_PLANS = 8;

  /** Engines that want more bytes to compute in are passed over, on small cards sooner. */
  private static final long MOST_WORKSPACE = 1L << 30;

  private static final int PART_OF_MEMORY = 8;

  /** Elements at either end of an output that are looked at. */
  private static final int LOOKED_AT = 256;

  /** Runs of one plan that are timed; before them comes one that loads its kernels. */
  private static final int RUNS = 3;

  private final Card card;
  private final Workspace workspace;
  private final CudnnLibrary cudnn;
  private final CudnnRules rules;
  private final CudnnChoices choices;
  private final long mostWorkspace;
  private final Map<CudnnConv, Found> found = new ConcurrentHashMap<>();
  private final CUevent_st begin = new CUevent_st();
  private final CUevent_st end = new CUevent_st();

  /** Why the last way that was tried does not work; whoever searches alone writes it. */
  private String refused = "";

  /** Kept for what is computed faster in another way than by a plan of its own. */
  private static final String APART = "apart";

  /**
   * Another way to compute the same, which the plan must beat.
   *
   * @param behind what has to run behind the plan
   * @param instead what would run instead of both
   */
  record Rival(Runnable behind, Runnable instead) {}

  /** What the search gave; the plan may need the graph as long as it lives. */
  private record Found(@Nullable CudnnGraph graph, @Nullable CudnnPlan plan) {}

  /**
   * Plans for one card.
   *
   * @param kept the file of choices; null for none
   */
  CudnnPlans(
      Card card, Workspace workspace, CudnnLibrary cudnn, CudnnRules rules, @Nullable Path kept) {
    this.card = card;
    this.workspace = workspace;
    this.cudnn = cudnn;
    this.rules = rules;
    choices =
        new CudnnChoices("cuDNN " + cudnn.version() + ", " + card.name() + ", " + rules, kept);
    mostWorkspace = Math.min(MOST_WORKSPACE, card.memory()[1] / PART_OF_MEMORY);
    CudaException.check("cuEventCreate", cuEventCreate(begin, CU_EVENT_DEFAULT));
    CudaException.check("cuEventCreate", cuEventCreate(end, CU_EVENT_DEFAULT));
  }

  /** Whether {@link #of} needs no search. */
  boolean know(CudnnConv conv) {
    return found.containsKey(conv);
  }

  /**
   * The plan for {@code conv}; null where cuDNN has none that may serve.
   *
   * @param addresses of all its tensors; a search writes the output several times
   */
  @Nullable CudnnPlan of(CudnnConv conv, long[] addresses) {
    return of(conv, addresses, null);
  }

  /** The same; null where {@code rival} is faster, too. */
  @Nullable CudnnPlan of(CudnnConv conv, long[] addresses, @Nullable Rival rival) {
    Found known = found.get(conv);
    return known == null ? search(conv, addresses, rival) : known.plan();
  }

  private synchronized @Nullable CudnnPlan search(
      CudnnConv conv, long[] addresses, @Nullable Rival rival) {
    Found known = found.get(conv);
    if (known == null) {
      card.enter();
      // Whoever holds the workspace is alone with cuDNN's context, too.
      workspace.take(1);
      try {
        known = found(conv, addresses, rival);
      } finally {
        workspace.give();
      }
      found.put(conv, known);
    }
    return known.plan();
  }

  private Found found(CudnnConv conv, long[] addresses, @Nullable Rival rival) {
    @Nullable String kept = choices.get(conv.toString());
    if (APART.equals(kept)) {
      return new Found(null, null);
    }
    refused = "none of its engines may serve";
    CudnnGraph graph;
    try {
      graph = new CudnnGraph(cudnn.context(), conv);
    } catch (CudnnException e) {
      if (e.ours()) {
        throw e;
      }
      return none(conv, e.getMessage());
    }
    @Nullable CudnnPlan best = best(graph, conv, kept, addresses);
    if (best == null && kept != null) {
      best = best(graph, conv, null, addresses);
    }
    if (best == null) {
      graph.close();
      return none(conv, refused);
    }
    if (rival != null && !best.toString().equals(kept) && loses(best, addresses, rival)) {
      choices.put(conv.toString(), APART);
      best.close();
      graph.close();
      return new Found(null, null);
    }
    if (!card.isNoting()) {
      choices.put(conv.toString(), best.toString());
    }
    return new Found(graph, best);
  }

  /**
   * The plan to compute with; null where none runs.
   *
   * @param only the name of the one that is wanted; null for the fastest
   */
  private @Nullable CudnnPlan best(
      CudnnGraph graph, CudnnConv conv, @Nullable String only, long[] addresses) {
    List<CudnnPlan> plans = tried(plans(graph, conv, only), conv, addresses);
    @Nullable CudnnPlan best = card.isNoting() ? first(plans) : fastest(plans, addresses);
    plans.stream().filter(plan -> plan != best).forEach(CudnnPlan::close);
    return best;
  }

  /**
   * Slow, and so no secret; but sums by channel, and a gradient to add to, are made in two steps.
   */
  private Found none(CudnnConv conv, @Nullable String cause) {
    boolean inTwoSteps = conv.statistics() || conv.adds();
    LOG.log(
        inTwoSteps ? System.Logger.Level.DEBUG : System.Logger.Level.WARNING,
        "{0}: cuDNN {1} has no plan for {2}, our own kernels stand in: {3}",
        card.device(),
        cudnn.version(),
        conv,
        cause);
    return new Found(null, null);
  }

  /**
   * Plans for {@code conv} that may serve, the most promising first.
   *
   * @param only the name of the one that is wanted; null for all
   */
  private List<CudnnPlan> plans(CudnnGraph graph, CudnnConv conv, @Nullable String only) {
    List<CudnnPlan> plans = new ArrayList<>();
    for (int mode : new int[] {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      List<CudnnDescriptor> ways;
      try {
        ways = graph.configurations(mode);
      } catch (CudnnException e) {
        if (e.ours()) {
          throw e;
        }
        refused = String.valueOf(e.getMessage());
        continue;
      }
      for (int i = 0; i < ways.size() && plans.size() < MOST_PLANS; i++) {
        String name = (mode == CUDNN_HEUR_MODE_A ? "A " : "fallback ") + i;
        if ((only == null || only.equals(name)) && CudnnPlan.allowed(rules, conv, ways.get(i))) {
          addTo(plans, name, ways.get(i), conv);
        }
      }
    }
    return plans;
  }

  /**
   * Of plans that are to add to what lies in the output, those that do. That they do is documented;
   * but one that did not would be faster, and nothing but a model that learns badly would show it.
   */
  private List<CudnnPlan> tried(List<CudnnPlan> plans, CudnnConv conv, long[] addresses) {
    if (!conv.adds()) {
      return plans;
    }
    List<CudnnPlan> adding = new ArrayList<>();
    for (CudnnPlan plan : plans) {
      if (!card.isNoting() && adds(plan, conv, addresses)) {
        adding.add(plan);
      } else {
        plan.close();
      }
    }
    return adding;
  }

  /** All ones are NaN in both types, and so is what is added to them. */
  private boolean adds(CudnnPlan plan, CudnnConv conv, long[] addresses) {
    long to = addresses[0];
    ConvShape s = conv.shape();
    int each = conv.type().bytes();
    long elements = (long) s.n() * s.h() * s.w() * s.c();
    try {
      long scratch = workspace.take(Math.max(1, plan.workspace()));
      try {
        CudaException.check(
            "cuMemsetD8Async", cuMemsetD8Async(to, (byte) 0xFF, elements * each, card.stream()));
        plan.execute(cudnn, addresses, scratch);
      } finally {
        workspace.give();
      }
    } catch (CudnnException | OutOfMemoryError e) {
      refused = String.valueOf(e.getMessage());
      return false;
    }
    int few = (int) Math.min(elements, LOOKED_AT);
    ByteBuffer seen = ByteBuffer.allocateDirect(few * each).order(ByteOrder.nativeOrder());
    for (long first : new long[] {0, elements - few}) {
      CudaException.check(
          "cuMemcpyDtoHAsync",
          cuMemcpyDtoHAsync(Address.of(seen), to + first * each, seen.capacity(), card.stream()));
      card.synchronize();
      for (int i = 0; i < few; i++) {
        boolean nan =
            each == Float.BYTES
                ? Float.isNaN(seen.getFloat(i * each))
                : (seen.getShort(i * each) & 0x7FFF) > 0x7F80;
        if (!nan) {
          refused = plan + " does not add to what lies in its output";
          return false;
        }
      }
    }
    return true;
  }

  private void addTo(List<CudnnPlan> plans, String name, CudnnDescriptor way, CudnnConv conv) {
    CudnnPlan plan;
    try {
      plan = new CudnnPlan(name, cudnn, way, conv.ids());
    } catch (CudnnException e) {
      // Heuristics name ways that do not work here; this is how one learns it.
      refused = String.valueOf(e.getMessage());
      return;
    }
    if (plan.workspace() <= mostWorkspace) {
      plans.add(plan);
    } else {
      plan.close();
    }
  }

  private static @Nullable CudnnPlan first(List<CudnnPlan> plans) {
    return plans.isEmpty() ? null : plans.get(0);
  }

  private @Nullable CudnnPlan fastest(List<CudnnPlan> plans, long[] addresses) {
    if (plans.isEmpty()) {
      return null;
    }
    long bytes = plans.stream().mapToLong(CudnnPlan::workspace).max().orElseThrow();
    long scratch;
    try {
      scratch = workspace.take(Math.max(1, bytes));
    } catch (OutOfMemoryError e) {
      List<CudnnPlan> smaller = plans.stream().filter(p -> p.workspace() < bytes).toList();
      if (smaller.isEmpty()) {
        throw e;
      }
      return fastest(smaller, addresses);
    }
    try {
      if (plans.size() == 1) {
        return runs(plans.get(0), addresses, scratch) ? plans.get(0) : null;
      }
      @Nullable CudnnPlan best = null;
      double shortest = Double.POSITIVE_INFINITY;
      for (CudnnPlan plan : plans) {
        Runnable run = () -> plan.execute(cudnn, addresses, scratch);
        double time = milliseconds(plan.toString(), run, 2 * shortest);
        if (time < shortest) {
          shortest = time;
          best = plan;
        }
      }
      return best;
    } finally {
      workspace.give();
    }
  }

  private boolean runs(CudnnPlan plan, long[] addresses, long scratch) {
    try {
      plan.execute(cudnn, addresses, scratch);
      return true;
    } catch (CudnnException e) {
      refused = String.valueOf(e.getMessage());
      return false;
    }
  }

  private boolean loses(CudnnPlan plan, long[] addresses, Rival rival) {
    double together;
    long scratch = workspace.take(Math.max(1, plan.workspace()));
    try {
      Runnable both =
          () -> {
            plan.execute(cudnn, addresses, scratch);
            rival.behind().run();
          };
      together = milliseconds(plan.toString(), both, Double.POSITIVE_INFINITY);
    } finally {
      workspace.give();
    }
    return milliseconds(APART, rival.instead(), Double.POSITIVE_INFINITY) < together;
  }

  /** The shortest run, or the first that took longer than {@code enough}. */
  private double milliseconds(String what, Runnable work, double enough) {
    double shortest = Double.POSITIVE_INFINITY;
    try {
      work.run();
      for (int run = 0; run < RUNS; run++) {
        CudaException.check("cuEventRecord", cuEventRecord(begin, card.stream()));
        work.run();
        CudaException.check("cuEventRecord", cuEventRecord(end, card.stream()));
        CudaException.check("running " + what, cuEventSynchronize(end));
        float[] time = new float[1];
        CudaException.check("cuEventElapsedTime", cuEventElapsedTime(time, begin, end));
        shortest = Math.min(shortest, time[0]);
        if (shortest > enough) {
          break;
        }
      }
      return shortest;
    } catch (CudnnException e) {
      // A plan that was finished and does not run is no candidate.
      refused = String.valueOf(e.getMessage());
      return Double.POSITIVE_INFINITY;
    }
  }
}
