package dev.thaw.train;

/** Where a training stands; what a checkpoint stores of it. */
final class Position {
  int epoch;
  int batch;
  long step;
  int skippedInARow;
  long skipped;
  double epochLoss;
  long epochSteps;
}
