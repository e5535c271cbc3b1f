// What can be queued in a stream or recorded in a graph: a launch, a copy, a fill, something of another library.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "errors.h"
#include "kernel.h"
#include "memory.h"

namespace thaw::sim {

class Operation {
 public:
  virtual ~Operation() = default;

  // Whether it may run: asked when it is queued, and again before it runs, for what it uses may be gone by then.
  virtual Result check(const Memory&) const { return {}; }

  // Runs it, and looks whether it wrote where it should not.
  virtual Result run(Memory&) = 0;
};

using Work = std::shared_ptr<Operation>;

class Launch final : public Operation {
 public:
  // `arguments` as packed by the caller, kernel->bytes long.
  Launch(const Kernel* kernel, dim3 grid, dim3 block, const void* arguments);
  Result check(const Memory& memory) const override;
  Result run(Memory& memory) override;

 private:
  struct alignas(16) Chunk {
    char bytes[16];
  };
  const char* arguments() const { return arguments_.front().bytes; }

  const Kernel* kernel_;
  dim3 grid_, block_;
  std::vector<Chunk> arguments_;
};

// The end of a copy that lies in memory of the host's that is not pinned, so nothing is known of it.
enum class Pageable { NONE, TO, FROM };

// Between the memories of card and host.
class Copy final : public Operation {
 public:
  // Reads when it runs: a caller whose end is pageable waits for it.
  Copy(void* to, const void* from, std::size_t bytes, Pageable pageable, std::string who);
  // Of bytes that are kept here.
  Copy(void* to, std::vector<char> kept, std::string who);
  Result check(const Memory& memory) const override;
  Result run(Memory& memory) override;

 private:
  void* to_;
  const void* from_;  // nullptr: kept_
  std::size_t bytes_;
  std::vector<char> kept_;
  Pageable pageable_;
  std::string who_;
};

class Fill final : public Operation {
 public:
  // `count` values of `width` (1 or 4) bytes.
  Fill(void* to, unsigned value, std::size_t width, std::size_t count, std::string who);
  Result check(const Memory& memory) const override;
  Result run(Memory& memory) override;

 private:
  void* to_;
  unsigned value_;
  std::size_t width_, count_;
  std::string who_;
};

// What thaw_sim_enqueue was given.
class Foreign final : public Operation {
 public:
  Foreign(void (*run)(void*), void (*drop)(void*), void* context) : run_(run), drop_(drop), context_(context) {}
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  ~Foreign() override;
  Result run(Memory& memory) override;

  // Notes what thaw_sim_check found while one runs; it is the result of that one.
  static void note(const Result& result);

 private:
  void (*run_)(void*);
  void (*drop_)(void*);
  void* context_;
};

}  // namespace thaw::sim
