package dev.thaw.app;

import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Trainings that take less than a second, on data that need no file. */
final class Small {
  private Small() {}

  /** A small net on some of the letters, on the plain device. */
  static Ran pretrain(Path out, Object... more) {
    return Ran.thaw(pretrainWords(out, more).toArray());
  }

  /** The words of {@link #pretrain}, for a process of its own. */
  static List<String> pretrainWords(Path out, Object... more) {
    return words(
        List.of(
            "pretrain",
            "--model",
            "mlp:depth=3,width=16",
            "--data",
            "embedded",
            "--limit",
            "400",
            "--epochs",
            "2",
            "--device",
            "plain",
            "--out",
            out),
        more);
  }

  /** Goes on with {@code from} on some of the digits. */
  static Ran finetune(Path from, Path out, Object... more) {
    List<Object> usual =
        List.of(
            "finetune",
            "--from",
            from,
            "--data",
            "embedded:digits",
            "--limit",
            "200",
            "--epochs",
            "2",
            "--device",
            "plain",
            "--out",
            out);
    return Ran.thaw(words(usual, more).toArray());
  }

  /** The usual options but those that are given otherwise. */
  private static List<String> words(List<Object> usual, Object... given) {
    List<Object> words = new ArrayList<>(usual.subList(0, 1));
    for (int i = 1; i < usual.size(); i += 2) {
      if (!List.of(given).contains(usual.get(i))) {
        words.addAll(usual.subList(i, i + 2));
      }
    }
    words.addAll(List.of(given));
    return words.stream().map(String::valueOf).collect(Collectors.toCollection(ArrayList::new));
  }

  /** Every tensor of a file, as bytes. */
  static Map<String, ByteBuffer> tensors(Path file) throws IOException {
    Map<String, ByteBuffer> tensors = new LinkedHashMap<>();
    try (Safetensors open = Safetensors.open(file)) {
      for (Safetensors.Entry entry : open.entries()) {
        NdArray array = entry.read();
        tensors.put(entry.name(), array.data());
      }
    }
    return tensors;
  }
}
