package dev.thaw.bench.peers;

import dev.thaw.cpu.CpuThreads;
import dev.thaw.nn.Module;
import dev.thaw.plan.InferencePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads that ask one model at the same time: weights shared, one thread inside an op. */
final class Clients {
  private Clients() {}

  /**
   * What some clients saw.
   *
   * @param nanos from the first call to the end of the last
   * @param times of all calls
   */
  record Seen(long nanos, long[] times) {
    /** Answers a second, of all clients together. */
    double rate() {
      return times.length / (nanos * 1e-9);
    }
  }

  /** Lets each of {@code clients} threads make {@code calls} calls. */
  static Seen ask(Workload load, int clients, int calls) {
    ExecutorService threads = Executors.newFixedThreadPool(clients);
    CyclicBarrier gate = new CyclicBarrier(clients + 1);
    try (Module net = load.net();
        InferencePlan plan = InferencePlan.of(net, load.input())) {
      List<Future<long[]>> answers = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        answers.add(threads.submit(() -> client(plan, gate, calls)));
      }
      gate.await();
      long start = System.nanoTime();
      long[] times = new long[clients * calls];
      for (int i = 0; i < clients; i++) {
        System.arraycopy(answers.get(i).get(), 0, times, i * calls, calls);
      }
      return new Seen(System.nanoTime() - start, times);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while clients asked", e);
    } catch (ExecutionException | java.util.concurrent.BrokenBarrierException e) {
      throw new IllegalStateException(e);
    } finally {
      threads.shutdown();
    }
  }

  private static long[] client(InferencePlan plan, CyclicBarrier gate, int calls) throws Exception {
    try (CpuThreads.Limit one = CpuThreads.limit(1);
        InferencePlan own = plan.fork()) {
      Work work = Work.inference(own);
      work.run(Math.max(2, calls / 10));
      gate.await();
      return work.run(calls);
    }
  }
}
