// Streams and events. Nothing runs when it is queued: a stream runs when somebody waits for it, and one that waits for
// an event runs the event's stream up to there and no further. So work that should wait for another stream's and does not
// runs before it, each time.
//
// With THAW_SIM_STREAMS=eager the event's stream runs up to there as soon as the wait is queued, before what the waiting
// stream still has to do: so a copy that should wait until a buffer is no longer read, and does not, comes too early.
// Recording a stream into a graph is in capture.h.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <set>
#include <vector>

#include "operation.h"

namespace thaw::sim {

struct Stream;
class Capture;

// A point in a stream's queue.
struct Moment {
  Stream* stream;
  bool reached = false;
  std::chrono::steady_clock::time_point time{};
};

struct Event {
  bool timing = true;
  std::shared_ptr<Moment> recorded;  // nullptr: never, or in a capture
  // Recorded in a capture: after these of its nodes.
  std::shared_ptr<Capture> capture;
  std::set<int> after;
};

struct Stream {
  bool blocking = true;  // waits for the default stream, and the default stream for it
  std::deque<Work> queue;
  // What it is recorded into, and the nodes that the next one follows.
  std::shared_ptr<Capture> capture;
  std::set<int> after;
};

// All streams of the one card.
class Streams {
 public:
  Streams(Memory& memory, bool eager) : memory_(memory), eager_(eager) {}

  Stream* create(bool blocking);
  void destroy(Stream* stream);  // when all that is queued has run
  void destroy_all();
  Stream* default_stream() { return &default_; }

  // Behind what is queued, or into the graph that the stream is recorded into.
  Result enqueue(Stream* stream, Work work);
  Result record(Stream* stream, Event* event);
  Result wait_for(Stream* stream, const Event& event);

  // Runs what is queued: all of it, up to a moment, or the first operation only.
  void run(Stream* stream);
  void run_until(const Moment& moment);
  void run_one(Stream* stream);
  void run_all();

  // The first thing that went wrong in anything that ran since this was last asked.
  Result take_failure();

  std::set<Capture*> captures() const;  // that go on
  void end(Capture& capture);           // no stream is recorded into it from here on

 private:
  void push(Stream* stream, Work work);
  std::shared_ptr<Moment> moment(Stream* stream);
  void join_default_stream(Stream* stream);
  void fail(Result result);

  Memory& memory_;
  const bool eager_;
  Stream default_;
  std::vector<Stream*> streams_;  // in the order in which they were made
  Result failure_;
};

}  // namespace thaw::sim
