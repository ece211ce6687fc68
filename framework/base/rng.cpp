#include "framework/base/rng.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace quantdyn {
namespace {

/// FNV-1a, 64 bits (Fowler, Noll, Vo 1991): turns a stream's name into a number.
uint64_t hash_name(std::string_view name) {
  uint64_t hash = 14695981039346656037u;
  for (unsigned char c : name) hash = (hash ^ c) * 1099511628211u;
  return hash;
}

std::array<uint32_t, 4> philox(uint64_t key, uint64_t low, uint64_t high) {
  using Generator = r123::Philox4x32;
  const Generator::ctr_type counter{{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                                     static_cast<uint32_t>(high),
                                     static_cast<uint32_t>(high >> 32)}};
  const Generator::key_type keys{{static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)}};
  const Generator::ctr_type out = Generator()(counter, keys);
  return {out[0], out[1], out[2], out[3]};
}

uint64_t join(uint32_t low, uint32_t high) { return low | static_cast<uint64_t>(high) << 32; }
double to_unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// The upper half of the counter keeps forks by name, forks by number and draws apart.
enum Domain : uint64_t { draws = 0, names = 1, numbers = 2 };

}  // namespace

Rng Rng::fork(std::string_view name) const {
  const auto w = philox(key_, hash_name(name), Domain::names);
  return Rng(join(w[0], w[1]));
}

Rng Rng::fork(uint64_t index) const {
  const auto w = philox(key_, index, Domain::numbers);
  return Rng(join(w[0], w[1]));
}

std::array<uint32_t, 4> Rng::words(uint64_t index) const {
  return philox(key_, index, Domain::draws);
}

double Rng::uniform(uint64_t index) const {
  const auto w = words(index);
  return to_unit(join(w[0], w[1]));
}

uint64_t Rng::below(uint64_t index, uint64_t n) const {
  const auto w = words(index);
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(join(w[0], w[1])) * n) >> 64);
}

double Rng::normal(uint64_t index) const {
  const auto w = words(index);
  const double radius = std::sqrt(-2 * std::log(1 - to_unit(join(w[0], w[1]))));
  return radius * std::cos(2 * std::numbers::pi * to_unit(join(w[2], w[3])));
}

}  // namespace quantdyn
