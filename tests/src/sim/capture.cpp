// Order among the nodes of a graph.
#include "capture.h"

namespace thaw::sim {

bool Capture::joined(const std::set<int>& end) const {
  std::vector<bool> before(nodes.size(), false);
  for (int n : end) before[n] = true;
  for (std::size_t n = nodes.size(); n-- > 0;) {
    if (!before[n]) return false;
    for (int m : nodes[n].after) before[m] = true;
  }
  return true;
}

Program::Program(const Graph& graph) {
  std::vector<std::vector<int>> next(graph.size());
  std::vector<std::size_t> waits_for(graph.size());
  std::set<int> ready;
  for (std::size_t n = 0; n < graph.size(); ++n) {
    waits_for[n] = graph[n].after.size();
    for (int m : graph[n].after) next[m].push_back(static_cast<int>(n));
    if (waits_for[n] == 0) ready.insert(static_cast<int>(n));
  }
  while (!ready.empty()) {
    const int n = *ready.rbegin();
    ready.erase(n);
    order_.push_back(graph[n].work);
    for (int m : next[n]) {
      if (--waits_for[m] == 0) ready.insert(m);
    }
  }
}

Result Program::check(const Memory& memory) const {
  for (const Work& work : order_) {
    Result r = work->check(memory);
    if (!r.ok()) return r;
  }
  return {};
}

Result Program::run(Memory& memory) {
  for (const Work& work : order_) {
    Result r = work->run(memory);
    if (!r.ok()) return r;
  }
  return {};
}

}  // namespace thaw::sim
