#include "framework/base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

constexpr size_t longest_quoted = 200;

/// One character and the bytes it takes, or one byte that begins none.
struct Character {
  size_t bytes = 1;
  bool is_utf8 = false;
  char32_t code = 0;
};

/// The character at the start of `text`, which is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, lead};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {1, false, lead};
  char32_t code = lead & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {1, false, lead};
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < least[bytes] || code > 0x10FFFF || is_surrogate) return {1, false, lead};
  return {bytes, true, code};
}

bool is_printable(const Character& c) {
  const char32_t code = c.code;
  const bool is_control = (code < 0x20 && code != '\t' && code != '\n' && code != '\r') ||
                          (code >= 0x7F && code < 0xA0);
  const bool separates_lines = code == 0x2028 || code == 0x2029;
  const bool turns_writing = code == 0x200E || code == 0x200F || code == 0x061C ||
                             (code >= 0x202A && code <= 0x202E) ||
                             (code >= 0x2066 && code <= 0x2069);
  return c.is_utf8 && !is_control && !separates_lines && !turns_writing;
}

template <typename IsKept>
std::string escaped(std::string_view text, const IsKept& is_kept) {
  std::string out;
  while (!text.empty()) {
    const Character c = first_character(text);
    const auto code = static_cast<uint32_t>(c.code);
    if (is_kept(c))
      out += text.substr(0, c.bytes);
    else if (c.is_utf8)
      out += fmt::format("\\u{:04x}", code);
    else
      out += fmt::format("\\x{:02x}", code);
    text.remove_prefix(c.bytes);
  }
  return out;
}

/// `text` up to `place`, or a little less, so that no character is cut.
size_t whole_characters(std::string_view text, size_t place) {
  while (place > 0 && (static_cast<unsigned char>(text[place]) & 0xC0) == 0x80) --place;
  return place;
}

}  // namespace

std::optional<std::string_view> first_unprintable(std::string_view text) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!is_printable(c)) return text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return std::nullopt;
}

std::string printable(std::string_view text) {
  return escaped(text, [](const Character& c) { return is_printable(c) && c.code != '\r'; });
}

std::string quotable(std::string_view text) {
  const auto in_one_line = [](std::string_view part) {
    return escaped(part, [](const Character& c) { return is_printable(c) && c.code >= 0x20; });
  };
  if (text.size() <= longest_quoted) return in_one_line(text);
  const size_t head = whole_characters(text, longest_quoted * 3 / 4);
  const size_t tail = whole_characters(text, text.size() - longest_quoted / 4);
  return in_one_line(text.substr(0, head)) + "..." + in_one_line(text.substr(tail));
}

}  // namespace quantdyn
