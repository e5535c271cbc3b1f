// Loops of pooling over rows of pictures [n, h, w, c].
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// Where windows lie: output row i sees input rows [row_begin[i], row_end[i]), input row r is seen by output rows
// [seen_row_begin[r], seen_row_end[r]); columns likewise. row_count[i] * column_count[j] is what an average divides by.
struct Windows {
  int n, h, w, c, out_h, out_w;
  const int32_t *row_begin, *row_end, *row_count, *seen_row_begin, *seen_row_end;
  const int32_t *column_begin, *column_end, *column_count, *seen_column_begin, *seen_column_end;
};

// Output rows [begin, end) of all pictures together; where may be null.
LOOP(void, pool_max_forward, float* y, int32_t* where, const float* x, const Windows& s, int64_t begin, int64_t end)
LOOP(void, pool_average_forward, float* y, const float* x, const Windows& s, int64_t begin, int64_t end)

// Input rows [begin, end) of all pictures together; y may be null.
LOOP(void, pool_max_backward, float* dx, const float* dy, const int32_t* where, const float* y, const Windows& s,
     int64_t begin, int64_t end)
LOOP(void, pool_average_backward, float* dx, const float* dy, const Windows& s, int64_t begin, int64_t end)

}  // namespace thaw
