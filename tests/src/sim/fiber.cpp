// The switch between fibers, and their stacks.
#include "fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

// A return, not a jump: fibers stop at the same call as a rule, so the processor predicts this return and those after it
// from the calls of the fiber before.
asm(R"(
  .text
  .p2align 4
  .hidden thaw_sim_switch
  .globl thaw_sim_switch
  .type thaw_sim_switch, @function
thaw_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size thaw_sim_switch, . - thaw_sim_switch
)");

namespace thaw::sim {

namespace {

constexpr std::size_t PAGE = 4096;

// Below each stack a page that may not be touched: a kernel that needs more than a stack ends the process there.
char* new_stack(std::size_t number) {
  void* base = mmap(nullptr, Stacks::BYTES + PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED || mprotect(base, PAGE, PROT_NONE) != 0) {
    std::perror("cuda_on_cpu: no memory for the stack of a thread of a block");
    std::abort();
  }
  // Addresses that differ by a multiple of a page compete for the same lines of the first cache; so the tops do not.
  return static_cast<char*>(base) + PAGE + Stacks::BYTES - number % 61 * 512;
}

}  // namespace

int Stacks::take() {
  if (free_.empty()) {
    tops_.push_back(new_stack(tops_.size()));
    return static_cast<int>(tops_.size()) - 1;
  }
  const int stack = free_.back();
  free_.pop_back();
  return stack;
}

void Stacks::give_all() {
  free_.clear();
  for (std::size_t s = tops_.size(); s-- > 0;) free_.push_back(static_cast<int>(s));
}

void* Stacks::start(int stack, void (*entry)()) {
  // As after a call: the address to return to lies on top, 8 bytes below a multiple of 16.
  void** sp = reinterpret_cast<void**>(tops_[stack]) - 1;
  sp[0] = nullptr;
  *--sp = reinterpret_cast<void*>(entry);
  sp -= 6;
  std::memset(sp, 0, 6 * sizeof(void*));
  return sp;
}

}  // namespace thaw::sim
