package dev.thaw.app;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line's entry: what {@code ./thaw} runs. */
@Command(
    name = "thaw",
    description = "Pre-train, swap the head, freeze, fine-tune, and see what the gradients do.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "./thaw adds three words of its own: test (all that is checked),",
      "bench (benchmarks), shell (JShell with the engine on its class path)."
    },
    versionProvider = Main.Version.class,
    subcommands = {HelpCommand.class})
public final class Main implements Callable<Integer> {
  /** The work was done. */
  static final int DONE = 0;

  /** The run failed. */
  static final int FAILED = 1;

  /** The words of the command line, or the input they name, are wrong. */
  static final int WRONG_INPUT = 2;

  @Spec private CommandSpec spec;

  private Main() {}

  /**
   * Runs one command and ends the JVM with its exit code.
   *
   * @param args the words after {@code thaw}
   */
  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
  }

  /** The parser with its exit codes and the one-line form of a failure. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setCommandName("thaw");
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> {
          String message = failure.getMessage();
          command.getErr().println("thaw: " + (message == null ? failure.toString() : message));
          return FAILED;
        });
    line.setParameterExceptionHandler(
        (wrong, words) -> {
          wrong.getCommandLine().getErr().println("thaw: " + wrong.getMessage());
          return WRONG_INPUT;
        });
    return line;
  }

  /** {@code thaw} alone names no work, so it says what there is and that nothing was done. */
  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "no command was given: see `thaw help` for the list");
  }

  /** Reads the version that the build wrote into the jar's manifest. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {
        "thaw " + (version == null ? "(not run from a jar)" : version),
        "java " + Runtime.version() + " " + System.getProperty("java.vendor", "")
      };
    }
  }
}
