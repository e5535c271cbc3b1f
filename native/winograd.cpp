// Winograd's convolution: how many tiles at a time, and who computes them.
#include <algorithm>

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"
#include "winograd_loops.h"

using namespace thaw;

namespace {

// Floats of turned inputs that a block of tiles may take: half of a processor's own cache.
constexpr int64_t BLOCK_FLOATS = 128 << 10;

// Never fewer, so that weights are read seldom; never more, so that the products stay in the cache too.
constexpr int FEWEST = 12;
constexpr int MOST = 60;

// The most when tiles are summed over.
constexpr int MOST_SUMMED = 96;

// Tiles that are multiplied together.
constexpr int GROUP = 6;

}  // namespace

void thaw_winograd_weights(float* u, const float* w, int c, int k, int threads) {
  split(threads, c, 16, [=](int64_t begin, int64_t end) {
    BEST(winograd_weights)(u, w, c, k, static_cast<int>(begin), static_cast<int>(end));
  });
}

void thaw_winograd_weights_back(float* u, const float* w, int c, int k, int threads) {
  split(threads, k, 16, [=](int64_t begin, int64_t end) {
    BEST(winograd_weights_back)(u, w, c, k, static_cast<int>(begin), static_cast<int>(end));
  });
}

void thaw_winograd_forward(float* y, const float* x, const float* u, const float* bias, const float* residual, int relu, int n,
                           int h, int width, int c, int k, int pad_h, int pad_w, int threads) {
  const int out_h = h + 2 * pad_h - 2;
  const int out_w = width + 2 * pad_w - 2;
  const Tiling s{n, h, width, c, k, pad_h, pad_w, out_h, out_w, (out_h + 1) / 2, (out_w + 1) / 2};
  const int64_t tiles = int64_t(n) * s.tiles_h * s.tiles_w;
  const int fitting = static_cast<int>(BLOCK_FLOATS / (16 * int64_t(c))) / GROUP * GROUP;
  const int64_t fair = ((tiles + threads - 1) / threads + GROUP - 1) / GROUP * GROUP;
  const int block = static_cast<int>(std::min<int64_t>(fair, std::max(FEWEST, std::min(MOST, fitting))));
  const int64_t blocks = (tiles + block - 1) / block;
  const int panels = (k + WINOGRAD_PANEL - 1) / WINOGRAD_PANEL;
  // Few blocks are shared by filters too: then each thread turns the same inputs for itself.
  const int shares = blocks < 4 * threads ? std::min(threads, panels) : 1;
  split(threads, blocks * shares, 1, [&](int64_t begin, int64_t end) {
    // In one piece: what is freed last is what the next call gets back, without new pages.
    const int64_t rows = int64_t(16) * (block + WINOGRAD_GROUP);
    const Scratch<float> room(rows * (c + WINOGRAD_PANEL));
    float* v = room.data();
    float* m = v + rows * c;
    for (int64_t item = begin; item < end; ++item) {
      const int64_t first = item % blocks * block;
      const int share = static_cast<int>(item / blocks);
      const int from = panels * share / shares * WINOGRAD_PANEL;
      const int to = std::min(k, panels * (share + 1) / shares * WINOGRAD_PANEL);
      BEST(winograd_tiles)(y, x, u, bias, residual, relu != 0, s, v, m, first,
                           static_cast<int>(std::min<int64_t>(block, tiles - first)), from, to);
    }
  });
}

void thaw_winograd_gradient(float* dw, float* u, const float* dy, const float* x, int n, int h, int width, int c, int k,
                            int pad_h, int pad_w, int threads) {
  const int out_h = h + 2 * pad_h - 2;
  const int out_w = width + 2 * pad_w - 2;
  const Tiling s{n, h, width, c, k, pad_h, pad_w, out_h, out_w, (out_h + 1) / 2, (out_w + 1) / 2};
  const int64_t tiles = int64_t(n) * s.tiles_h * s.tiles_w;
  // A thread has planes of its own, and every sum its order: the number of threads changes no bit.
  const int planes = (16 + std::min(threads, 16) - 1) / std::min(threads, 16);
  const int64_t fitting = BLOCK_FLOATS / (planes * int64_t(c));
  const int block = static_cast<int>(std::min(tiles, std::max<int64_t>(FEWEST, std::min<int64_t>(MOST_SUMMED, fitting))));
  split(std::min(threads, 16), 16, 1, [&](int64_t begin, int64_t end) {
    const int own = static_cast<int>(end - begin);
    const Scratch<float> room(int64_t(own) * block * (c + WINOGRAD_PANEL));
    BEST(winograd_gradient)(u, dy, x, s, room.data(), room.data() + int64_t(own) * block * c, block, static_cast<int>(begin),
                            static_cast<int>(end));
  });
  split(threads, k, 16, [=](int64_t begin, int64_t end) {
    BEST(winograd_gradient_back)(dw, u, c, k, static_cast<int>(begin), static_cast<int>(end));
  });
}
