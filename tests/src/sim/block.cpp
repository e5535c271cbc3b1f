// Which thread of a block runs next, and what the barriers wait for.
#include "block.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "fiber.h"
#include "shared.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace thaw::sim {

int running_thread;

namespace {

constexpr int WARP = 32;
constexpr unsigned MAX_THREADS = 1024;

struct Thread {
  uint3 index;
  void* saved;  // nullptr before it starts
  int stack;
  // What it waits for.
  unsigned mask;
  Together what;
  uint64_t value;
  int source;
  uint64_t result;
  Site site;
};

// One bit for each lane. One that is in no set runs now.
struct Warp {
  unsigned ready;
  unsigned at_block_barrier;
  unsigned at_lanes_barrier;
  unsigned living;
};

enum class Order { ALTERNATE, FORWARD, BACKWARD, SHUFFLED };

Order order_wanted() {
  static const Order order = [] {
    const char* name = std::getenv("THAW_SIM_ORDER");
    if (name == nullptr || std::strcmp(name, "alternate") == 0) return Order::ALTERNATE;
    if (std::strcmp(name, "forward") == 0) return Order::FORWARD;
    if (std::strcmp(name, "backward") == 0) return Order::BACKWARD;
    if (std::strcmp(name, "shuffled") == 0) return Order::SHUFFLED;
    std::fprintf(stderr, "THAW_SIM_ORDER is %s: expected alternate, forward, backward or shuffled\n", name);
    std::exit(2);
  }();
  return order;
}

// The one block that runs.
struct Block {
  const char* kernel;
  void (*call)(const void*);
  const void* context;

  int threads;
  int warps;
  int living;
  int at_barrier;
  Site barrier;  // where the first of them waits
  Order order;
  bool backward;
  unsigned ready_warps;
  uint32_t random;

  void* main;  // where run_grid waits
  std::string error;
  Stacks stacks;
  Thread thread[MAX_THREADS];
  Warp warp[MAX_THREADS / WARP];
};

Block b;
unsigned launches;

unsigned bit(int lane) { return 1u << lane; }

// One of the numbers in a set, as the order wants it.
int pick(unsigned set) {
  switch (b.order) {
    case Order::FORWARD: return __builtin_ctz(set);
    case Order::BACKWARD: return 31 - __builtin_clz(set);
    case Order::SHUFFLED: {
      b.random ^= b.random << 13;
      b.random ^= b.random >> 17;
      b.random ^= b.random << 5;
      const unsigned turn = b.random % 32;
      const unsigned turned = turn == 0 ? set : (set >> turn) | (set << (32 - turn));
      return static_cast<int>((__builtin_ctz(turned) + turn) % 32);
    }
    default: return b.backward ? 31 - __builtin_clz(set) : __builtin_ctz(set);
  }
}

void make_ready(int w, unsigned lanes) {
  b.warp[w].ready |= lanes;
  if (lanes != 0) b.ready_warps |= bit(w);
}

// Of the warp that ran last, as long as one of its lanes can run.
bool choose_next() {
  if (b.ready_warps == 0) return false;
  int w = running_thread / WARP;
  if (b.warp[w].ready == 0) w = pick(b.ready_warps);
  Warp& warp = b.warp[w];
  const int l = pick(warp.ready);
  warp.ready &= ~bit(l);
  if (warp.ready == 0) b.ready_warps &= ~bit(w);
  running_thread = w * WARP + l;
  threadIdx = b.thread[running_thread].index;
  return true;
}

void open_block_barrier() {
  if (b.at_barrier == 0 || b.at_barrier < b.living) return;
  for (int w = 0; w < b.warps; ++w) {
    make_ready(w, b.warp[w].at_block_barrier);
    b.warp[w].at_block_barrier = 0;
  }
  b.at_barrier = 0;
  b.backward = !b.backward;
}

// Whether all lanes of the mask are there, with the same mask; then they exchange their values and are ready. Others may
// wait with another mask meanwhile.
bool open_lanes_barrier(int w, unsigned mask, Together what) {
  Warp& warp = b.warp[w];
  const unsigned group = mask & warp.living;
  if ((warp.at_lanes_barrier & group) != group) return false;
  Thread* lanes = &b.thread[w * WARP];
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    const Thread& other = lanes[__builtin_ctz(rest)];
    if (other.mask != mask) return false;
    if (other.what != what) fail_block("lanes of one warp shuffle, vote and wait at a time", other.site);
  }
  uint64_t votes = 0;
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    const int l = __builtin_ctz(rest);
    if (lanes[l].value != 0) votes |= bit(l);
    if (what == Together::SHUFFLE) {
      const int from = lanes[l].source;
      lanes[l].result = (group & bit(from)) != 0 ? lanes[from].value : ~uint64_t(0);
    }
  }
  for (unsigned rest = group; what == Together::VOTE && rest != 0; rest &= rest - 1) {
    lanes[__builtin_ctz(rest)].result = votes;
  }
  warp.at_lanes_barrier &= ~group;
  make_ready(w, group);
  return true;
}

// Goes on with the thread that was chosen.
void go(void** saved) {
  Thread& next = b.thread[running_thread];
  thaw_sim_switch(saved, next.saved);
}

void work();

[[noreturn]] void leave() {
  void* gone;
  thaw_sim_switch(&gone, b.main);
  std::abort();
}

std::string text(Site site) {
  const char* slash = std::strrchr(site.file, '/');
  return std::string(slash != nullptr ? slash + 1 : site.file) + ":" + std::to_string(site.line);
}

bool same(Site a, Site b) { return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0); }

std::string place() {
  const auto triple = [](unsigned x, unsigned y, unsigned z) {
    return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
  };
  return std::string("kernel ") + b.kernel + ", block " + triple(blockIdx.x, blockIdx.y, blockIdx.z);
}

// Threads are left, and none can run.
[[noreturn]] void stuck() {
  std::string what = ": a barrier that not all threads reach:";
  if (b.at_barrier > 0) {
    what += " " + std::to_string(b.at_barrier) + " of " + std::to_string(b.living) + " threads wait at " + text(b.barrier);
  }
  for (int w = 0; w < b.warps; ++w) {
    const unsigned waiting = b.warp[w].at_lanes_barrier;
    if (waiting == 0) continue;
    const Thread& first = b.thread[w * WARP + __builtin_ctz(waiting)];
    unsigned together = 0;
    for (unsigned rest = waiting; rest != 0; rest &= rest - 1) {
      const int l = __builtin_ctz(rest);
      if (b.thread[w * WARP + l].mask == first.mask) together |= bit(l);
    }
    char lanes[80];
    std::snprintf(lanes, sizeof lanes, " lanes 0x%x of warp %d wait for lanes 0x%x at ", together, w, first.mask);
    what += (b.at_barrier > 0 ? "," : "") + std::string(lanes) + text(first.site);
    break;
  }
  b.error = place() + what;
  leave();
}

// The running thread waits; returns when it may go on.
void wait() {
  Thread& me = b.thread[running_thread];
  if (!choose_next()) stuck();
  Thread& next = b.thread[running_thread];
  if (&next == &me) return;
  if (next.saved == nullptr) {
    next.stack = b.stacks.take();
    next.saved = b.stacks.start(next.stack, work);
  }
  go(&me.saved);
}

void end_thread() {
  const int w = running_thread / WARP;
  Warp& warp = b.warp[w];
  warp.living &= ~bit(running_thread % WARP);
  --b.living;
  // Who has ended is waited for no longer.
  unsigned rest = warp.at_lanes_barrier;
  while (rest != 0) {
    const Thread& other = b.thread[w * WARP + __builtin_ctz(rest)];
    rest &= rest - 1;
    if (open_lanes_barrier(w, other.mask, other.what)) rest &= warp.at_lanes_barrier;
  }
  open_block_barrier();
}

// What every fiber does: runs a thread to its end, and then, on the same stack, the next that has not begun.
void work() {
  for (;;) {
    b.call(b.context);
    const int stack = b.thread[running_thread].stack;
    end_thread();
    if (!choose_next()) {
      if (b.living > 0) stuck();
      leave();
    }
    Thread& next = b.thread[running_thread];
    if (next.saved != nullptr) {
      b.stacks.give(stack);
      void* gone;
      go(&gone);
    }
    next.stack = stack;
  }
}

void start_block(unsigned number) {
  b.living = b.threads;
  b.at_barrier = 0;
  b.backward = (number + launches) % 2 != 0;
  running_thread = 0;
  b.ready_warps = 0;
  b.stacks.give_all();
  for (int w = 0; w < b.warps; ++w) {
    const int lanes = b.threads - w * WARP;
    const unsigned all = lanes >= WARP ? ~0u : bit(lanes) - 1;
    b.warp[w] = {0, 0, 0, all};
    make_ready(w, all);
  }
  for (int t = 0; t < b.threads; ++t) b.thread[t].saved = nullptr;
  // So that the first thread is picked like any other.
  running_thread = pick(b.ready_warps) * WARP;
}

void run_block() {
  choose_next();
  Thread& first = b.thread[running_thread];
  first.stack = b.stacks.take();
  first.saved = b.stacks.start(first.stack, work);
  go(&b.main);
}

}  // namespace

void fail_block(const std::string& what, Site site) {
  b.error = place() + ", thread " + std::to_string(running_thread) + " at " + text(site) + ": " + what;
  leave();
}

void wait_for_block(Site site) {
  if (b.at_barrier == 0) {
    b.barrier = site;
  } else if (!same(b.barrier, site)) {
    fail_block("a barrier that not all threads reach: others wait at " + text(b.barrier), site);
  }
  ++b.at_barrier;
  b.warp[running_thread / WARP].at_block_barrier |= bit(running_thread % WARP);
  open_block_barrier();
  wait();
}

uint64_t wait_for_lanes(unsigned mask, Together what, uint64_t value, int source, Site site) {
  const int w = running_thread / WARP;
  const int l = running_thread % WARP;
  Warp& warp = b.warp[w];
  Thread& me = b.thread[running_thread];
  if ((mask & bit(l)) == 0) {
    fail_block("the mask " + std::to_string(mask) + " does not name the lane that calls, " + std::to_string(l), site);
  }
  me.mask = mask;
  me.what = what;
  me.value = value;
  me.source = source;
  me.site = site;
  warp.at_lanes_barrier |= bit(l);
  if (open_lanes_barrier(w, mask, what)) {
    // It is the one that runs already.
    warp.ready &= ~bit(l);
    if (warp.ready == 0) b.ready_warps &= ~bit(w);
  } else {
    wait();
  }
  return me.result;
}

std::string run_grid(const char* kernel, dim3 grid, dim3 block, void (*call)(const void*), const void* context) {
  const uint64_t threads = uint64_t(block.x) * block.y * block.z;
  if (threads == 0 || threads > MAX_THREADS) return std::string("kernel ") + kernel + ": blocks of 1 to 1024 threads";
  b.kernel = kernel;
  b.call = call;
  b.context = context;
  b.order = order_wanted();
  b.error.clear();
  b.threads = static_cast<int>(threads);
  b.warps = (b.threads + WARP - 1) / WARP;
  b.random = launches * 2654435761u + 88172645u;
  if (b.random == 0) b.random = 1;
  for (unsigned t = 0; t < threads; ++t) {
    b.thread[t].index = {t % block.x, t / block.x % block.y, t / (block.x * block.y)};
  }
  blockDim = block;
  gridDim = grid;
  static std::map<const char*, SharedMemory> written_by;
  SharedMemory& shared = written_by[kernel];
  shared.before_launch();
  unsigned number = 0;
  for (blockIdx.z = 0; blockIdx.z < grid.z; ++blockIdx.z) {
    for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y) {
      for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x, ++number) {
        start_block(number);
        run_block();
        shared.after_block();
        if (!b.error.empty()) return b.error;
      }
    }
  }
  ++launches;
  return "";
}

}  // namespace thaw::sim
