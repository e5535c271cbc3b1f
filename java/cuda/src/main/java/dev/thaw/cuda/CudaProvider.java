package dev.thaw.cuda;

import dev.thaw.backend.Backend;
import dev.thaw.backend.BackendProvider;
import dev.thaw.backend.UnavailableException;
import dev.thaw.memory.Device;
import java.util.List;

/** Serves {@code cuda}, {@code cuda:1} and so on; loads native code only when one is opened. */
public final class CudaProvider implements BackendProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CudaProvider() {}

  @Override
  public String kind() {
    return "cuda";
  }

  @Override
  public int preference() {
    return 20;
  }

  @Override
  public List<String> findings() {
    return Libraries.findings();
  }

  @Override
  public Backend open(Device device) throws UnavailableException {
    Libraries.load();
    Card card = Card.open(device);
    Compiler compiler = (root, files) -> Nvrtc.load().compile(root, files, card.capability());
    return CudaBackend.on(card, KernelImage.load(card), compiler);
  }
}
