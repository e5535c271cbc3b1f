// The list of kernels.
#include "kernel.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace thaw::sim {

namespace {

// Filled by constructors of other files, so it has to be made when first used.
std::vector<std::unique_ptr<const Kernel>>& all() {
  static std::vector<std::unique_ptr<const Kernel>> list;
  return list;
}

bool before(const Kernel* a, const Kernel* b) { return std::strcmp(a->name, b->name) < 0; }

}  // namespace

void add_kernel(Kernel kernel) { all().push_back(std::make_unique<const Kernel>(std::move(kernel))); }

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> sorted = [] {
    std::vector<const Kernel*> list;
    for (const auto& k : all()) list.push_back(k.get());
    std::sort(list.begin(), list.end(), before);
    return list;
  }();
  return sorted;
}

const Kernel* find_kernel(const std::string& name) {
  Kernel key;
  key.name = name.c_str();
  const auto found = std::lower_bound(kernels().begin(), kernels().end(), &key, before);
  return found != kernels().end() && name == (*found)->name ? *found : nullptr;
}

std::string Kernel::run(dim3 grid, dim3 block, const char* arguments) const {
  struct Call {
    const Kernel* kernel;
    const char* arguments;
  };
  const Call call{this, arguments};
  return run_grid(
      name, grid, block,
      [](const void* context) {
        const Call& c = *static_cast<const Call*>(context);
        c.kernel->call(c.kernel->function, c.arguments);
      },
      &call);
}

}  // namespace thaw::sim
