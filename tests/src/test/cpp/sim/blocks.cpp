// The shim: kernels that work together in blocks and warps give what they should in every order, and planted bugs show.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "check.h"

namespace {

bool alternating() {
  const char* order = std::getenv("THAW_SIM_ORDER");
  return order == nullptr || std::strcmp(order, "alternate") == 0;
}

void sum() {
  for (int n : {1, 31, 255, 256, 257, 10007}) {
    std::vector<float> x(n), sums(3, -1);
    std::iota(x.begin(), x.end(), 1.0f);
    SAYS("", run("test_sum", 3, sums.data(), static_cast<const float*>(x.data()), n));
    CHECK(sums[0] + sums[1] + sums[2] == n / 2.0f * (n + 1));
  }
}

void transpose() {
  const int rows = 37, columns = 50;
  std::vector<float> x(rows * columns), y(rows * columns, -1);
  std::iota(x.begin(), x.end(), 0.0f);
  SAYS("", run("test_transpose", dim3(4, 3), y.data(), static_cast<const float*>(x.data()), rows, columns));
  bool same = true;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) same = same && y[j * rows + i] == x[i * columns + j];
  }
  CHECK(same);
}

void atomics() {
  const int n = 5003;
  std::vector<int> x(n), counts(16), wanted(16);
  for (int i = 0; i < n; ++i) {
    x[i] = i * i % 13;
    ++wanted[x[i]];
  }
  int largest = -1;
  std::vector<unsigned> firsts(16);
  float total = 0;
  SAYS("", run("test_atomics", 4, counts.data(), &largest, firsts.data(), &total, static_cast<const int*>(x.data()), n));
  CHECK(counts == wanted);
  CHECK(largest == 12);
  CHECK(total == static_cast<float>(std::accumulate(x.begin(), x.end(), 0)));
  for (int v = 0; v < 16; ++v) CHECK(wanted[v] == 0 ? firsts[v] == 0 : x[firsts[v] - 1] == v);
}

void early_exit() {
  for (int n : {1, 33, 100, 256}) {
    std::vector<int> y(256, -1);
    SAYS("", run("test_early_exit", 1, y.data(), n));
    bool same = true;
    for (int t = 0; t < 256; ++t) {
      const int lanes = std::min(32, n - t / 32 * 32);
      same = same && y[t] == (t < n ? n - 1 - t + 1000 * lanes : -1);
    }
    CHECK(same);
  }
}

struct Pair {
  int a;
  double b;
};

void lanes() {
  std::vector<double> y(256);
  SAYS("", run("test_lanes", 1, y.data(), char(3), Pair{100, 0.5}, 2.0f));
  bool same = true;
  for (int t = 0; t < 256; ++t) {
    const int lane = t % 32, first = lane & ~7, at = lane % 8;
    const int up = at >= 2 ? lane - 2 : lane, down = at < 6 ? lane + 2 : lane;
    const double wanted = 0.5 * (first + 3 + up + down + (lane ^ 5)) + (lane >= 16 ? 1 : 0) + 3 + 100;
    same = same && y[t] == 2 * wanted;
  }
  CHECK(same);
}

// Twice, since the order of the threads turns from launch to launch: one of them shows it.
void missing_barriers() {
  for (int from : {1, 255}) {
    for (const char* name : {"wrong_without_barrier", "wrong_without_second_barrier"}) {
      bool wrong = false;
      for (int launch = 0; launch < 2; ++launch) {
        std::vector<int> y(512, -1);
        SAYS("", run(name, 1, y.data(), from));
        for (int t = 0; t < 256; ++t) wrong = wrong || y[t] != (t + from) % 256;
      }
      CHECK(wrong);
    }
  }
}

void wrong_lanes() {
  std::vector<float> x(256, 1), sums(8), y(256);
  SAYS("", run("wrong_offset", 1, sums.data(), static_cast<const float*>(x.data())));
  CHECK(sums[0] != 32);
  SAYS("kernel wrong_mask, block (0,0,0), thread", run("wrong_mask", 1, y.data()));
  SAYS("does not name the lane that calls", run("wrong_mask", 1, y.data()));
  SAYS("", run("wrong_lane", 1, y.data()));
  CHECK(y[7] == 1 && std::isnan(y[8]));
}

void divergence() {
  std::vector<int> y(256);
  SAYS("kernel wrong_divergent_barrier, block (0,0,0)", run("wrong_divergent_barrier", 2, y.data()));
  SAYS("a barrier that not all threads reach", run("wrong_divergent_barrier", 2, y.data()));
  SAYS("a barrier that not all threads reach: 8 of 256 threads wait", run("wrong_divergent_lanes", 1));
  SAYS("a barrier that not all threads reach", run("wrong_barrier_in_warp", 1, y.data()));
  // After an error the next launch is as any other.
  early_exit();
}

}  // namespace

void check_blocks() {
  sum();
  transpose();
  atomics();
  early_exit();
  lanes();
  if (alternating()) missing_barriers();
  wrong_lanes();
  divergence();
}
