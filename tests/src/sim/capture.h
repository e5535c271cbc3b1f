// Recording streams into a graph, and the order in which a graph runs.
#pragma once

#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "operation.h"

namespace thaw::sim {

struct Stream;

struct Node {
  Work work;
  std::set<int> after;  // of the nodes before
};

using Graph = std::vector<Node>;

class Capture {
 public:
  Capture(Stream* origin, CUstreamCaptureMode mode) : origin(origin), mode(mode) {}

  // Whether all nodes come before the end of the stream where it began.
  bool joined(const std::set<int>& end) const;

  Stream* const origin;
  const CUstreamCaptureMode mode;
  const std::thread::id thread = std::this_thread::get_id();
  bool valid = true;
  bool active = true;
  Graph nodes;
};

// A graph that can be launched: it runs its nodes one after another, in the order that differs most from that in which
// they were recorded. Of the nodes that could run, the one recorded last does, so that a dependency that is missing shows.
class Program final : public Operation {
 public:
  explicit Program(const Graph& graph);
  Result check(const Memory& memory) const override;
  Result run(Memory& memory) override;

 private:
  std::vector<Work> order_;
};

}  // namespace thaw::sim
