#include "stats/kernels/spread.h"

namespace quantdyn {

Spread pooled(std::span<const Spread> parts) {
  Spread out;
  double count = 0, sum = 0;
  for (const Spread& part : parts) {
    count += part.count;
    sum += part.count * part.mean;
  }
  out.mean = sum / count;
  for (const Spread& part : parts) out.add_about_mean(part);
  return out;
}

}  // namespace quantdyn
