package dev.thaw.bench.peers;

import dev.thaw.models.Zoo;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Freeze;
import java.util.List;
import java.util.Locale;

/** What both sides do, with the least and the wanted ratio of PyTorch's time to Thaw's. */
enum Workload {
  /** A small net, a usual batch. */
  SEED_CNN_TRAIN_64("SeedCnn training, batch 64", "seed-cnn", 64, Kind.TRAIN, 2.0, 3.0),
  /** A small net, one example. */
  SEED_CNN_TRAIN_1("SeedCnn training, batch 1", "seed-cnn", 1, Kind.TRAIN, 2.0, 3.0),
  /** A small net asked for one answer. */
  SEED_CNN_INFER_1("SeedCnn inference, batch 1", "seed-cnn", 1, Kind.INFER, 4.0, 6.0),
  /** Two linear layers. */
  MLP_TRAIN_32("Mlp 784-128-10 training, batch 32", "mlp", 32, Kind.TRAIN, 2.2, 3.2),
  /** A residual net on small pictures. */
  RESNET18_TRAIN_64(
      "ResNet-18 at 32 px training, batch 64", "resnet18-small", 64, Kind.TRAIN, 1, 1.2),
  /** A large net, one picture. */
  RESNET50_INFER_1("ResNet-50 inference, batch 1", "resnet50", 1, Kind.INFER, 1.5, 2.0),
  /** A large net, some pictures. */
  RESNET50_INFER_8("ResNet-50 inference, batch 8", "resnet50", 8, Kind.INFER, 1.6, 2.0),
  /** A large net, everything trained. */
  RESNET50_TRAIN_8("ResNet-50 training, batch 8", "resnet50", 8, Kind.TRAIN, 1.0, 1.25),
  /** A large net, only its last layer trained. */
  RESNET50_FROZEN_8(
      "ResNet-50 frozen base, trained head, batch 8", "resnet50", 8, Kind.FROZEN, 1.6, 2.0),
  /** That last layer alone, on what the base gives. */
  HEAD_TRAIN_8("Head 2048-1000 on cached features, batch 8", "head", 8, Kind.TRAIN, 1.0, 2.0);

  /** What is done with the net. */
  enum Kind {
    /** A step: forward, backward, update, the loss read. */
    TRAIN,
    /** A step of the last layer; the rest is frozen. */
    FROZEN,
    /** A forward pass. */
    INFER;

    /** The word that bench/peers/speed.py knows. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** For tables. */
  final String title;

  /** The name on both sides. */
  final String model;

  /** Examples. */
  final int batch;

  /** What is done. */
  final Kind kind;

  /** The least ratio. */
  final double floor;

  /** The wanted ratio. */
  final double aim;

  Workload(String title, String model, int batch, Kind kind, double floor, double aim) {
    this.title = title;
    this.model = model;
    this.batch = batch;
    this.kind = kind;
    this.floor = floor;
    this.aim = aim;
  }

  /** The name on the command line. */
  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * The piece of work of that name.
   *
   * @throws IllegalArgumentException when there is none; names all
   */
  static Workload named(String word) {
    for (Workload w : values()) {
      if (w.word().equals(word)) {
        return w;
      }
    }
    throw new IllegalArgumentException(
        "bench: no work is named '" + word + "'; there are " + words());
  }

  static List<String> words() {
    return java.util.Arrays.stream(values()).map(Workload::word).toList();
  }

  /** PyTorch's memory formats that fit: for pictures both are tried, the faster one counts. */
  List<String> formats() {
    return model.equals("head") || model.equals("mlp")
        ? List.of("usual")
        : List.of("usual", "last");
  }

  /** Shape of the input. */
  Shape input() {
    if (model.equals("head")) {
      return Shape.of(batch, 2048);
    }
    Shape one = Zoo.standardExample(model);
    return Shape.of(batch, one.dim(1), one.dim(2), one.dim(3));
  }

  int classes() {
    return model.equals("head") ? 1000 : Zoo.standardClasses(model);
  }

  /** A fresh net on the current device, frozen as the work asks for. */
  Module net() {
    if (model.equals("head")) {
      return new Linear(2048, 1000);
    }
    Module net = Zoo.create(model, Zoo.standardExample(model), classes());
    if (kind == Kind.FROZEN) {
      new Freeze(net).allButLast(1);
    }
    return net;
  }
}
