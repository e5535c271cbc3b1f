package dev.thaw.bench.peers;

import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Shape;

/** What is trained on both sides, and how; bench/peers/parity.py says the same in PyTorch. */
enum Subject {
  /** SeedCnn on MNIST, SGD with momentum at a constant rate. */
  SEED_CNN("seed-cnn", "SeedCnn, MNIST, SGD 0.01, momentum 0.9") {
    @Override
    Optimizer optimizer(Module model) {
      return new Sgd(model, 0.01, 0.9);
    }

    @Override
    Schedule schedule() {
      return Schedule.constant();
    }
  },
  /** ResNet-20 on CIFAR-10, AdamW without decay for biases and norms. */
  RESNET20("resnet20", "ResNet-20, CIFAR-10, AdamW 1e-4, decay 0.05 on weights only") {
    @Override
    Optimizer optimizer(Module model) {
      return new AdamW(model, 1e-4, 0.05);
    }

    @Override
    Schedule schedule() {
      return Schedule.cosine();
    }
  };

  /** Name in the zoo, and of PyTorch's files. */
  final String model;

  /** For a heading. */
  final String title;

  Subject(String model, String title) {
    this.model = model;
    this.title = title;
  }

  /** Moves the weights. */
  abstract Optimizer optimizer(Module model);

  /** Of the training that the single steps are part of. */
  abstract Schedule schedule();

  Module create(Shape example) {
    return Zoo.create(model, example, 10);
  }
}
