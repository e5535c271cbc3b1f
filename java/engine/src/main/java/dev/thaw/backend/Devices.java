package dev.thaw.backend;

import dev.thaw.memory.Device;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds backends on the class path and opens devices by name. Asked for a device that cannot be
 * had, it throws with the cause and the remedy; only {@link #best()} chooses, and it says why.
 */
public final class Devices {
  private static final Map<Device, Backend> OPEN =
      new TreeMap<>(Comparator.comparing(Device::toString));
  private static final Map<Device, String> REFUSED =
      new TreeMap<>(Comparator.comparing(Device::toString));
  private static final ThreadLocal<@Nullable Route> ROUTE = new ThreadLocal<>();
  private static @Nullable Choice best;

  /** Calls of this thread to {@code home} go to {@code via}. */
  private record Route(Backend home, Backend via) {}

  private Devices() {}

  /**
   * The device that {@link #best()} chose.
   *
   * @param backend the open device
   * @param reason why: one line a device that was preferred and could not be had
   */
  public record Choice(Backend backend, String reason) {}

  /** The kinds of device that some jar on the class path serves, the preferred first. */
  public static List<String> kinds() {
    return providers().stream().map(BackendProvider::kind).toList();
  }

  /**
   * What the jar that serves {@code kind} found on this machine and what it misses, a line each.
   */
  public static List<String> findings(String kind) {
    return providers().stream()
        .filter(provider -> provider.kind().equals(kind))
        .flatMap(provider -> provider.findings().stream())
        .toList();
  }

  /** Those of {@link #kinds} whose first device can be had; opens them. */
  public static List<String> available() {
    return kinds().stream().filter(kind -> refusal(kind) == null).toList();
  }

  private static @Nullable String refusal(String kind) {
    try {
      get(new Device(kind, 0));
      return null;
    } catch (IllegalStateException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /**
   * The backend of {@code device}, opened at the first call.
   *
   * @throws IllegalStateException with cause and remedy when the device cannot be had
   */
  public static synchronized Backend get(Device device) {
    Backend backend = OPEN.get(device);
    if (backend != null) {
      return backend;
    }
    @Nullable String refused = REFUSED.get(device);
    if (refused != null) {
      throw new IllegalStateException(refused);
    }
    for (BackendProvider provider : providers()) {
      if (provider.kind().equals(device.kind())) {
        try {
          Backend opened = provider.open(device);
          OPEN.put(device, opened);
          return opened;
        } catch (UnavailableException e) {
          String message = device + " is not available: " + e.getMessage();
          REFUSED.put(device, message);
          throw new IllegalStateException(message, e);
        }
      }
    }
    throw new IllegalStateException(
        String.format(
            "device %s: no jar on the class path serves it, found %s; add thaw-%s",
            device, kinds(), device.kind()));
  }

  /** {@link #get(Device)} by name: {@code plain}, {@code cpu}, {@code cuda:1}, or {@code best}. */
  public static Backend get(String name) {
    return name.equals("best") ? best().backend() : get(Device.of(name));
  }

  /**
   * The preferred device among those that can be had, chosen once.
   *
   * @throws IllegalStateException when no backend is on the class path
   */
  public static synchronized Choice best() {
    if (best == null) {
      best = choose();
    }
    return best;
  }

  private static Choice choose() {
    List<String> reasons = new ArrayList<>();
    for (BackendProvider provider : providers()) {
      try {
        Backend backend = get(new Device(provider.kind(), 0));
        reasons.add(0, backend.device() + ": " + backend.describe());
        return new Choice(backend, String.join("; ", reasons));
      } catch (IllegalStateException e) {
        reasons.add(String.valueOf(e.getMessage()));
      }
    }
    throw new IllegalStateException(
        reasons.isEmpty()
            ? "no backend on the class path: add thaw-plain, thaw-cpu or thaw-cuda"
            : String.join("; ", reasons));
  }

  /** The backend of the calling thread: what it chose with {@link Device#use}, else the best. */
  public static Backend current() {
    @Nullable Device chosen = Device.current();
    return chosen == null ? best().backend() : get(chosen);
  }

  /** Where calls of this thread to {@code home} go: there, or to what records them. */
  public static Backend routed(Backend home) {
    @Nullable Route route = ROUTE.get();
    return route != null && route.home == home ? route.via : home;
  }

  /** Sends this thread's calls to {@code home} through {@code via} until the result is closed. */
  public static Device.Use route(Backend home, Backend via) {
    @Nullable Route before = ROUTE.get();
    ROUTE.set(new Route(home, via));
    return () -> {
      if (before == null) {
        ROUTE.remove();
      } else {
        ROUTE.set(before);
      }
    };
  }

  private static List<BackendProvider> providers() {
    List<BackendProvider> found = new ArrayList<>();
    ServiceLoader.load(BackendProvider.class, Devices.class.getClassLoader()).forEach(found::add);
    found.sort(Comparator.comparingInt(BackendProvider::preference).reversed());
    return found;
  }
}
