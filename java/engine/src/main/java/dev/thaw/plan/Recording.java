package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.RandomKernels;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.SoftmaxKernels;
import dev.thaw.backend.StatsKernels;
import dev.thaw.backend.UnaryKernels;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Kernel calls noted instead of run: a backend around a backend, at the seam, where forward,
 * backward and the optimizer's step all pass. Ops look at shapes, never at values, so nothing has
 * to be computed to learn what would be. Reading values into Java cannot be replayed: it marks the
 * recording as not plannable and says at what.
 */
public final class Recording implements Backend, AutoCloseable {
  private final Backend home;
  private final List<Call> calls = new ArrayList<>();
  private final Map<Class<?>, Object> families = new HashMap<>();
  private final Device.Use route;
  private @Nullable String obstacle;

  private Recording(Backend home) {
    this.home = home;
    this.route = Devices.route(home, this);
  }

  /** Starts to note this thread's calls to {@code home}, until {@link #close}. */
  public static Recording of(Backend home) {
    return new Recording(home);
  }

  /** What was called, in order. */
  List<Call> calls() {
    return calls;
  }

  /** Why this cannot be replayed, or null. */
  public @Nullable String obstacle() {
    return obstacle;
  }

  /** Ends the noting. */
  @Override
  public void close() {
    route.close();
  }

  private <F> F family(Class<F> type, F real) {
    Object known = families.get(type);
    if (known == null) {
      known =
          Proxy.newProxyInstance(
              type.getClassLoader(),
              new Class<?>[] {type},
              (proxy, method, arguments) -> {
                @Nullable Object[] noted = arguments == null ? new Object[0] : arguments.clone();
                if (method.getReturnType() == void.class) {
                  calls.add(new Call(method, noted));
                  return null;
                }
                if (method.getDeclaringClass() != Object.class) {
                  obstruct(method.getName());
                }
                try {
                  return method.invoke(real, arguments);
                } catch (InvocationTargetException e) {
                  throw e.getCause() == null ? e : e.getCause();
                }
              });
      families.put(type, known);
    }
    return type.cast(known);
  }

  private void obstruct(String where) {
    if (obstacle == null) {
      obstacle = "not plannable at " + where + ", after " + calls.size() + " kernel calls";
    }
  }

  @Override
  public Device device() {
    return home.device();
  }

  @Override
  public Pool pool() {
    return home.pool();
  }

  @Override
  public String describe() {
    return home.describe();
  }

  @Override
  public boolean computes(DType dtype) {
    return home.computes(dtype);
  }

  @Override
  public long cacheBytes() {
    return home.cacheBytes();
  }

  @Override
  public boolean isBehindBus() {
    return home.isBehindBus();
  }

  @Override
  public boolean hasTf32() {
    return home.hasTf32();
  }

  @Override
  public boolean allowTf32(boolean allowed) {
    return home.allowTf32(allowed);
  }

  @Override
  public void upload(Buffer y, ByteBuffer x) {
    obstruct("a copy from Java");
    home.upload(y, x);
  }

  @Override
  public void download(ByteBuffer y, Buffer x) {
    obstruct("a copy to Java");
    home.download(y, x);
  }

  @Override
  public void bypass(String what) {
    obstruct(what);
  }

  @Override
  public void synchronize() {
    home.synchronize();
  }

  @Override
  public UnaryKernels unary() {
    return family(UnaryKernels.class, home.unary());
  }

  @Override
  public BinaryKernels binary() {
    return family(BinaryKernels.class, home.binary());
  }

  @Override
  public ReduceKernels reduce() {
    return family(ReduceKernels.class, home.reduce());
  }

  @Override
  public GemmKernels gemm() {
    return family(GemmKernels.class, home.gemm());
  }

  @Override
  public ConvKernels conv() {
    return family(ConvKernels.class, home.conv());
  }

  @Override
  public PoolKernels pooling() {
    return family(PoolKernels.class, home.pooling());
  }

  @Override
  public NormKernels norm() {
    return family(NormKernels.class, home.norm());
  }

  @Override
  public SoftmaxKernels softmax() {
    return family(SoftmaxKernels.class, home.softmax());
  }

  @Override
  public IndexKernels index() {
    return family(IndexKernels.class, home.index());
  }

  @Override
  public RandomKernels random() {
    return family(RandomKernels.class, home.random());
  }

  @Override
  public UpdateKernels update() {
    return family(UpdateKernels.class, home.update());
  }

  @Override
  public StatsKernels stats() {
    return family(StatsKernels.class, home.stats());
  }
}
