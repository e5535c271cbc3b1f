package dev.thaw.app;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command line's entry: what {@code ./thaw} runs. Holds the options that every command takes,
 * before its name or behind it.
 */
@Command(
    name = "thaw",
    description = "Pre-train, swap the head, freeze, fine-tune, and see what the gradients do.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "./thaw adds four words of its own: test (all that is checked), bench",
      "(benchmarks), lesson N (the guided tour), shell (JShell with the engine).",
      "It hands -Dname=value to the JVM: -Dthaw.cuda.path=DIR says where CUDA's",
      "libraries are.",
      "",
      "Exit codes: 0 done, 1 the run failed, 2 the words or the input are wrong,",
      "130 stopped by Ctrl-C, with a checkpoint to go on from."
    },
    versionProvider = Main.Version.class,
    subcommands = {
      HelpCommand.class,
      Demo.class,
      Pretrain.class,
      Finetune.class,
      Evaluate.class,
      Predict.class,
      Diagnose.class,
      Inspect.class,
      Models.class,
      Doctor.class
    })
public final class Main implements Callable<Integer> {
  /** The work was done. */
  static final int DONE = 0;

  /** The run failed. */
  static final int FAILED = 1;

  /** The words of the command line, or the input they name, are wrong. */
  static final int WRONG_INPUT = 2;

  /** The run was asked to stop and wrote a checkpoint: what a shell reports for Ctrl-C. */
  static final int INTERRUPTED = 130;

  @Option(
      names = "--device",
      paramLabel = "NAME",
      defaultValue = "best",
      scope = ScopeType.INHERIT,
      description = "plain, cpu, cuda, cuda:1, or best: the fastest that can be had (default).")
  private String device;

  @Option(
      names = "--threads",
      paramLabel = "N",
      scope = ScopeType.INHERIT,
      description = "Threads of a computation; by default one per core.")
  private @Nullable Integer threads;

  @Option(
      names = "--kernels",
      paramLabel = "DIR",
      scope = ScopeType.INHERIT,
      description =
          "Compute on cuda, with the edited .cu files of this folder in place of those of kernels/.")
  private @Nullable Path kernels;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Print one JSON object on standard output and nothing else.")
  private boolean json;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Print the stack trace of a failure.")
  private boolean verbose;

  @Spec private CommandSpec spec;

  private Main() {}

  /**
   * Runs one command and ends the JVM with its exit code.
   *
   * @param args the words after {@code thaw}
   */
  public static void main(String[] args) {
    Terminal.claim();
    int code = commandLine().execute(args);
    Interruption.commandEnded();
    System.exit(code);
  }

  /** The parser with its exit codes and the one-line form of a failure. */
  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new Main());
    line.setCommandName("thaw");
    line.setAbbreviatedOptionsAllowed(false);
    line.setExecutionExceptionHandler((failure, command, parsed) -> report(failure, command));
    line.setParameterExceptionHandler(
        (wrong, words) -> {
          CommandLine command = wrong.getCommandLine();
          String name = command.getCommandName();
          String help = name.equals("thaw") ? "thaw help" : "thaw help " + name;
          command.getErr().println(Failure.line(wrong) + "; see `" + help + "`");
          return WRONG_INPUT;
        });
    return line;
  }

  private static int report(Exception failure, CommandLine command) {
    PrintWriter err = command.getErr();
    err.println(Failure.line(failure));
    if (command.getCommandSpec().root().userObject() instanceof Main main && main.verbose) {
      failure.printStackTrace(err);
    }
    return Failure.code(failure);
  }

  /** {@code thaw} alone names no work, so it says what there is and that nothing was done. */
  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "no command was given");
  }

  /** Name of the device to run on. */
  String device() {
    return device;
  }

  /** Threads of a computation, or null to leave it to the device. */
  @Nullable Integer threads() {
    return threads;
  }

  /** Folder of edited kernels, or null. */
  @Nullable Path kernels() {
    return kernels;
  }

  /** Whether standard output is to be one JSON object. */
  boolean json() {
    return json;
  }

  /** Reads the version that the build wrote into the jar's manifest. */
  public static final class Version implements IVersionProvider {
    /** For picocli. */
    public Version() {}

    @Override
    public String[] getVersion() {
      return new String[] {
        "thaw " + engine(),
        "java " + Runtime.version() + " " + System.getProperty("java.vendor", "")
      };
    }

    static String engine() {
      String version = Main.class.getPackage().getImplementationVersion();
      return version == null ? "(not run from a jar)" : version;
    }
  }
}
