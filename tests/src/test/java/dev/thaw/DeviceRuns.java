package dev.thaw;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Generator;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;

/** Runs a test of {@link OnEveryDevice} at each {@link Place}, and counts bytes around it. */
final class DeviceRuns implements TestTemplateInvocationContextProvider {
  @Override
  public boolean supportsTestTemplate(ExtensionContext context) {
    return true;
  }

  @Override
  public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(
      ExtensionContext context) {
    return Devices.kinds().stream().flatMap(kind -> places(kind).stream());
  }

  private static List<TestTemplateInvocationContext> places(String kind) {
    Backend backend;
    try {
      backend = Devices.get(kind);
    } catch (IllegalStateException e) {
      return List.of(new Invocation(kind, new Missing(kind)));
    }
    List<TestTemplateInvocationContext> places = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      if (backend.computes(dtype)) {
        Place place = new Place(backend, dtype);
        places.add(new Invocation(place.toString(), new At(place)));
      }
    }
    return places;
  }

  private record Invocation(String name, Extension extension)
      implements TestTemplateInvocationContext {
    @Override
    public String getDisplayName(int index) {
      return name;
    }

    @Override
    public List<Extension> getAdditionalExtensions() {
      return List.of(extension);
    }
  }

  /** A device that this machine has not. */
  private record Missing(String kind) implements BeforeEachCallback {
    @Override
    public void beforeEach(ExtensionContext context) {
      Needs.device(kind);
    }
  }

  /** One run: what it opens before the test, and closes and counts after. */
  private static final class At
      implements BeforeEachCallback, AfterEachCallback, ParameterResolver {
    private final Place place;
    private long before;
    private Device.@Nullable Use device;
    private Device.@Nullable Use generator;
    private @Nullable Scope scope;

    At(Place place) {
      this.place = place;
    }

    @Override
    public void beforeEach(ExtensionContext context) {
      before = place.pool().liveBytes();
      device = place.device().use();
      generator = new Generator(1).use();
      scope = Scope.open();
    }

    @Override
    public void afterEach(ExtensionContext context) {
      for (AutoCloseable open : new AutoCloseable[] {scope, generator, device}) {
        close(open);
      }
      // A test that failed half way may well have left something open: its own message counts.
      if (context.getExecutionException().isEmpty()) {
        Pool pool = place.pool();
        assertEquals(before, pool.liveBytes(), () -> "live bytes on " + place + ":" + held(pool));
      }
    }

    private static void close(@Nullable AutoCloseable open) {
      try {
        if (open != null) {
          open.close();
        }
      } catch (Exception e) {
        throw new AssertionError("closing " + open, e);
      }
    }

    private static String held(Pool pool) {
      StringJoiner held = new StringJoiner(", ");
      for (Purpose purpose : Purpose.values()) {
        held.add(" " + purpose + " " + pool.liveBytes(purpose));
      }
      return held.toString();
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
      return parameter.getParameter().getType() == Place.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
      return place;
    }
  }
}
