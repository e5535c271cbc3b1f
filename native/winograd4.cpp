// Winograd's convolution with large tiles: how many at a time, and who computes them.
#include <algorithm>

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"
#include "winograd4_loops.h"

using namespace thaw;

void thaw_winograd4_weights(float* u, const float* w, int c, int k, int stride, int threads) {
  split(threads, c, 16, [=](int64_t begin, int64_t end) {
    const auto loop = stride == 1 ? BEST(winograd4_weights) : BEST(winograd4_strided_weights);
    loop(u, w, c, k, static_cast<int>(begin), static_cast<int>(end));
  });
}

void thaw_winograd4_forward(float* y, const float* x, const float* u, const float* bias, const float* residual, int relu,
                            int n, int h, int width, int c, int k, int stride, int pad_h, int pad_w, int threads) {
  const int out_h = (h + 2 * pad_h - 3) / stride + 1;
  const int out_w = (width + 2 * pad_w - 3) / stride + 1;
  const Tiling s{n, h, width, c, k, pad_h, pad_w, out_h, out_w, (out_h + 3) / 4, (out_w + 3) / 4};
  const int64_t tiles = int64_t(n) * s.tiles_h * s.tiles_w;
  const int panels = (k + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL;
  // Threads share filters, and turn the same inputs each for itself, where there are too few tiles for blocks of their own.
  const int64_t wanted = (int64_t(threads) * WINOGRAD4_MOST + tiles - 1) / tiles;
  const int shares = static_cast<int>(std::min<int64_t>({wanted, threads, panels}));
  const int64_t teams = (threads + shares - 1) / shares;
  const int64_t blocks = (tiles + WINOGRAD4_MOST * teams - 1) / (WINOGRAD4_MOST * teams) * teams;
  const int block = static_cast<int>((tiles + blocks - 1) / blocks);
  const auto loop = stride == 1 ? BEST(winograd4_tiles) : BEST(winograd4_strided_tiles);
  split(threads, blocks * shares, 1, [&](int64_t begin, int64_t end) {
    // In one piece: what is freed last is what the next call gets back, without new pages.
    const int64_t inputs = Block(block, c, stride == 1 ? 6 : 9).floats();
    const int64_t sums = Block(block, (panels + shares - 1) / shares * WINOGRAD_PANEL, stride == 1 ? 6 : 5).floats();
    const Scratch<float> room(inputs + sums + c);
    float* v = room.data();
    float* m = v + inputs;
    float* zeros = m + sums;
    std::fill(zeros, zeros + c, 0.0f);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = tiles * (item % blocks) / blocks;
      const int64_t last = tiles * (item % blocks + 1) / blocks;
      const int share = static_cast<int>(item / blocks);
      loop(y, x, u, bias, residual, relu != 0, s, v, m, zeros, first, static_cast<int>(last - first),
           panels * share / shares * WINOGRAD_PANEL, std::min(k, panels * (share + 1) / shares * WINOGRAD_PANEL));
    }
  });
}
