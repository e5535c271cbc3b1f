package dev.thaw.bench.peers;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.util.List;

/** A PyTorch that does what it is asked to and sleeps in between; see bench/peers/speed.py. */
final class TorchProcess implements AutoCloseable {
  private final Process process;
  private final BufferedWriter requests;
  private final BufferedReader answers;

  /** The version it answered with. */
  final String version;

  TorchProcess(Python python, int threads) throws IOException {
    List<String> command = python.command("speed.py", "serve", Integer.toString(threads));
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    requests = new BufferedWriter(new OutputStreamWriter(process.getOutputStream(), UTF_8));
    answers = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    version = answer();
  }

  /** Builds a piece of work under the name {@code format}. */
  void make(Workload load, String format) throws IOException {
    ask("make", format, load.model, Integer.toString(load.batch), load.kind.word(), format);
  }

  /** Nanoseconds of each call. */
  long[] run(String format, int calls) throws IOException {
    return ask("run", format, Integer.toString(calls));
  }

  /** Wall time of all, then nanoseconds of each call of each client. */
  long[] clients(String format, int clients, int calls) throws IOException {
    return ask("clients", format, Integer.toString(clients), Integer.toString(calls));
  }

  private long[] ask(String... words) throws IOException {
    requests.write(String.join(" ", words));
    requests.newLine();
    requests.flush();
    String line = answer();
    return line.isEmpty()
        ? new long[0]
        : java.util.Arrays.stream(line.split(" ", -1)).mapToLong(Long::parseLong).toArray();
  }

  private String answer() throws IOException {
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("PyTorch ended without an answer, see above");
    }
    return line;
  }

  @Override
  public void close() throws IOException {
    requests.close();
    answers.close();
    process.destroy();
  }
}
