// Launches, copies and fills.
#include "operation.h"

#include <cstring>

namespace thaw::sim {

namespace {

// Of the Foreign that runs.
Result noted;

}  // namespace

Launch::Launch(const Kernel* kernel, dim3 grid, dim3 block, const void* arguments)
    : kernel_(kernel), grid_(grid), block_(block), arguments_(kernel->bytes / sizeof(Chunk) + 1) {
  if (kernel->bytes > 0) std::memcpy(arguments_.front().bytes, arguments, kernel->bytes);
}

Result Launch::check(const Memory& memory) const {
  for (std::size_t i = 0; i < kernel_->parameters.size(); ++i) {
    const Parameter& p = kernel_->parameters[i];
    if (!p.pointer) continue;
    const void* value;
    std::memcpy(&value, arguments() + p.offset, sizeof value);
    if (value == nullptr || memory.check(value, 1, "").ok()) continue;
    return memory.check(value, 1, std::string("kernel ") + kernel_->name + ", argument " + std::to_string(i + 1) + " of " +
                                      std::to_string(kernel_->parameters.size()));
  }
  return {};
}

Result Launch::run(Memory& memory) {
  const std::string error = kernel_->run(grid_, block_, arguments());
  if (!error.empty()) return refused(CUDA_ERROR_LAUNCH_FAILED, error);
  for (const Parameter& p : kernel_->parameters) {
    if (!p.pointer) continue;
    const void* value;
    std::memcpy(&value, arguments() + p.offset, sizeof value);
    Result r = memory.check_guards(value, std::string("kernel ") + kernel_->name);
    if (!r.ok()) return r;
  }
  return {};
}

Copy::Copy(void* to, const void* from, std::size_t bytes, Pageable pageable, std::string who)
    : to_(to), from_(from), bytes_(bytes), pageable_(pageable), who_(std::move(who)) {}

Copy::Copy(void* to, std::vector<char> kept, std::string who)
    : to_(to), from_(nullptr), bytes_(kept.size()), kept_(std::move(kept)), pageable_(Pageable::FROM), who_(std::move(who)) {}

Result Copy::check(const Memory& memory) const {
  Result r = pageable_ == Pageable::TO ? Result{} : memory.check(to_, bytes_, who_ + ", to");
  return !r.ok() || pageable_ == Pageable::FROM ? r : memory.check(from_, bytes_, who_ + ", from");
}

Result Copy::run(Memory& memory) {
  std::memmove(to_, from_ != nullptr ? from_ : kept_.data(), bytes_);
  return memory.check_guards(to_, who_);
}

Fill::Fill(void* to, unsigned value, std::size_t width, std::size_t count, std::string who)
    : to_(to), value_(value), width_(width), count_(count), who_(std::move(who)) {}

Result Fill::check(const Memory& memory) const { return memory.check(to_, width_ * count_, who_); }

Result Fill::run(Memory& memory) {
  if (width_ == 1) {
    std::memset(to_, static_cast<unsigned char>(value_), count_);
  } else {
    for (std::size_t i = 0; i < count_; ++i) static_cast<unsigned*>(to_)[i] = value_;
  }
  return memory.check_guards(to_, who_);
}

Foreign::~Foreign() {
  if (drop_ != nullptr) drop_(context_);
}

Result Foreign::run(Memory& memory) {
  noted = {};
  run_(context_);
  return noted.ok() ? memory.check_all_guards("an operation of another library") : noted;
}

void Foreign::note(const Result& result) {
  if (noted.ok()) noted = result;
}

}  // namespace thaw::sim
