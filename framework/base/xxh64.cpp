#include <bit>
#include <cstring>

#include "framework/base/hash.h"

namespace quantdyn {
namespace {

// Names and numbers are those of the specification.
constexpr uint64_t prime_1 = 0x9E3779B185EBCA87, prime_2 = 0xC2B2AE3D27D4EB4F,
                   prime_3 = 0x165667B19E3779F9, prime_4 = 0x85EBCA77C2B2AE63,
                   prime_5 = 0x27D4EB2F165667C5;

/// Little-endian, on any machine.
template <typename T>
uint64_t take(const std::byte* bytes) {
  T out;
  std::memcpy(&out, bytes, sizeof out);
  if constexpr (std::endian::native == std::endian::big)
    out = sizeof out == 4 ? static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(out)))
                          : static_cast<T>(__builtin_bswap64(out));
  return out;
}

uint64_t round(uint64_t lane, uint64_t word) {
  return std::rotl(lane + word * prime_2, 31) * prime_1;
}

}  // namespace

uint64_t xxh64(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  size_t left = bytes.size();
  uint64_t out = prime_5;
  if (left >= 32) {
    uint64_t a = prime_1 + prime_2, b = prime_2, c = 0, d = -prime_1;
    for (; left >= 32; left -= 32, at += 32) {
      a = round(a, take<uint64_t>(at));
      b = round(b, take<uint64_t>(at + 8));
      c = round(c, take<uint64_t>(at + 16));
      d = round(d, take<uint64_t>(at + 24));
    }
    out = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
    for (const uint64_t lane : {a, b, c, d}) out = (out ^ round(0, lane)) * prime_1 + prime_4;
  }
  out += bytes.size();
  for (; left >= 8; left -= 8, at += 8)
    out = std::rotl(out ^ round(0, take<uint64_t>(at)), 27) * prime_1 + prime_4;
  if (left >= 4) {
    out = std::rotl(out ^ (take<uint32_t>(at) * prime_1), 23) * prime_2 + prime_3;
    left -= 4;
    at += 4;
  }
  for (; left > 0; --left, ++at)
    out = std::rotl(out ^ (static_cast<uint64_t>(*at) * prime_5), 11) * prime_1;
  out = (out ^ (out >> 33)) * prime_2;
  out = (out ^ (out >> 29)) * prime_3;
  return out ^ (out >> 32);
}

}  // namespace quantdyn
