package dev.thaw.cuda;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.BackendProvider;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The test device {@code cuda-sim}: the CUDA backend as it is, over stand-ins for the driver and
 * NVIDIA's libraries that run our kernels on the host (tests/src/sim). It never stands beside a
 * real driver: on a machine with a card the tests run on {@code cuda}.
 */
public final class SimProvider implements BackendProvider {

  /** For {@link java.util.ServiceLoader}. */
  public SimProvider() {}

  @Override
  public String kind() {
    return "cuda-sim";
  }

  @Override
  public int preference() {
    return -1;
  }

  @Override
  public List<String> findings() {
    return Libraries.findings();
  }

  @Override
  public Backend open(Device device) throws UnavailableException {
    if (Files.exists(Path.of("/dev/nvidiactl"))) {
      throw new UnavailableException("this machine has an NVIDIA driver; test on cuda");
    }
    Path folder = Needs.home().resolve("tests/target/sim");
    Path driver = folder.resolve("libcuda.so.1");
    if (!Files.exists(driver)) {
      throw new UnavailableException("no " + driver + "; ./thaw test builds it");
    }
    System.setProperty("thaw.cuda.path", folder.toString());
    // What is fast on the stand-in is of no use to anybody.
    if (System.getProperty("thaw.cuda.plans") == null) {
      System.setProperty("thaw.cuda.plans", "none");
    }
    System.load(driver.toString());
    Libraries.open();
    // The stand-in holds the kernels itself, those of tests too, and does not look at images.
    return CudaBackend.on(Card.open(device), new byte[1], (root, files) -> new byte[1]);
  }
}
