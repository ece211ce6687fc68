#include "experiments/results/raw_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "experiments/results/result_reader.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/base/hash.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

constexpr const char* group_name = "raw_tensors";
constexpr int64_t alignment = 64;  // of an array: a cache line

int64_t aligned(int64_t offset) { return (offset + alignment - 1) / alignment * alignment; }

int64_t bytes_of(const Shape& shape) {
  return shape.elements() * static_cast<int64_t>(sizeof(float));
}

[[noreturn]] void fail(const fs::path& path, const char* what) {
  throw_error<Error>("{}: {}: {}", path.string(), what, std::strerror(errno));
}

int open_file(const fs::path& path, int64_t end) {
  if (end == h5::File::values_begin)
    ::unlink(path.c_str());  // whatever it is, a symbolic link even
  else if (std::error_code error; fs::hard_link_count(path, error) > 1 && !error)
    PartFile(path, path).publish();
  const int made = end == h5::File::values_begin ? O_CREAT | O_EXCL : 0;
  const int out = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | made, 0666);
  if (out < 0) fail(path, "cannot be opened for writing");
  return out;
}

template <typename Row, typename Member>
auto column(const std::vector<Row>& rows, Member Row::*member) {
  std::vector<Member> out;
  for (const Row& row : rows) out.push_back(row.*member);
  return out;
}

}  // namespace

int64_t RawTable::end() const {
  int64_t out = h5::File::values_begin;
  for (const Array& array : arrays) out = std::max(out, array.offset + bytes_of(array.shape));
  return out;
}

void RawTable::write(h5::File& snapshot) const {
  if (arrays.empty()) return;
  h5::Group group = snapshot.make_group(group_name);
  group.set("file", RawFile::file_name);
  std::vector<std::string> shapes;
  for (const Array& array : arrays) shapes.push_back(array.shape.text());
  group.write_texts("node", column(arrays, &Array::node));
  group.write_texts("tensor", column(arrays, &Array::tensor));
  group.write_texts("shape", shapes);
  group.write("offset", column(arrays, &Array::offset));
  group.write("pieces/offset", column(pieces, &Piece::offset));
  group.write("pieces/bytes", column(pieces, &Piece::bytes));
  group.write("pieces/xxh64", column(pieces, &Piece::checksum));
}

RawTable RawTable::read(const h5::File& snapshot) {
  RawTable out;
  if (!snapshot.is_group(group_name)) return out;
  const h5::Group group = snapshot.group(group_name);
  const auto nodes = group.dataset("node").read_texts(),
             tensors = group.dataset("tensor").read_texts(),
             shapes = group.dataset("shape").read_texts();
  const auto offsets = group.dataset("offset").read<int64_t>();
  for (size_t i = 0; i < nodes.size(); ++i)
    out.arrays.push_back({nodes[i], tensors.at(i), Shape(sizes_of(shapes.at(i))), offsets.at(i)});
  const auto begins = group.dataset("pieces/offset").read<int64_t>(),
             bytes = group.dataset("pieces/bytes").read<int64_t>();
  const auto checksums = group.dataset("pieces/xxh64").read<uint64_t>();
  for (size_t i = 0; i < begins.size(); ++i)
    out.pieces.push_back({begins[i], bytes.at(i), checksums.at(i)});
  return out;
}

std::string RawTable::problem(const fs::path& file) const {
  if (pieces.empty()) return "";
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0)
    return fmt::format("{}: cannot be read: {}", file.string(), std::strerror(errno));
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  std::vector<char> buffer;
  std::string out;
  for (const Piece& piece : pieces) {
    const bool fits = piece.offset >= 0 && piece.bytes >= 0 && piece.offset <= size &&
                      piece.bytes <= size - piece.offset;
    buffer.resize(fits ? static_cast<size_t>(piece.bytes) : 0);
    int64_t done = 0;
    while (fits && done < piece.bytes) {
      const ssize_t count = ::pread(descriptor, buffer.data() + done,
                                    static_cast<size_t>(piece.bytes - done), piece.offset + done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      done += count;
    }
    if (fits && done == piece.bytes && xxh64(std::as_bytes(std::span(buffer))) == piece.checksum)
      continue;
    out = fmt::format("{}: damaged or changed: bytes {} to {} are not as they were written",
                      file.string(), piece.offset, piece.offset + piece.bytes);
    break;
  }
  ::close(descriptor);
  return out;
}

RawFile::RawFile(const fs::path& folder, int64_t end)
    : path_(folder / file_name), descriptor_(open_file(path_, end)) {
  try {
    if (static_cast<int64_t>(fs::file_size(path_)) < end && end > h5::File::values_begin)
      throw_error<Error>("{}: has {} bytes; its snapshots have {} there", path_.string(),
                         fs::file_size(path_), end);
    cut(end);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

RawFile::~RawFile() { ::close(descriptor_); }

void RawFile::write(int64_t offset, std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (const int reason = write_at(descriptor_, offset, text))
    throw_error<Error>("{}: cannot be written: {}", path_.string(), std::strerror(reason));
  begin_sync(descriptor_, offset, std::ssize(bytes));
}

void RawFile::cut(int64_t end) {
  if (::ftruncate(descriptor_, end) != 0) fail(path_, "cannot be written");
}

void RawFile::sync() {
  if (::fsync(descriptor_) != 0) fail(path_, "cannot be synced to the disk");
}

void RawPlace::write(int64_t first, std::span<const float> values) const {
  const auto count = static_cast<int64_t>(values.size());
  if (first < 0 || count > elements_ - first)
    throw_error<Error>("values {} to {} of a raw tensor of {}", first, first + count, elements_);
  snapshot_->write(offset_ + first * static_cast<int64_t>(sizeof(float)), std::as_bytes(values));
}

BegunSnapshot::BegunSnapshot(std::shared_ptr<RawFile> file, int64_t begin)
    : file_(std::move(file)), end_(begin) {
  file_->cut(begin);
}

RawPlace BegunSnapshot::make(const std::string& node, const std::string& tensor,
                             const Shape& shape) {
  const int64_t offset = aligned(end_);
  end_ = offset + bytes_of(shape);
  table_.arrays.push_back({node, tensor, shape, offset});
  return {*this, offset, shape.elements()};
}

void BegunSnapshot::write(int64_t offset, std::span<const std::byte> bytes) {
  file_->write(offset, bytes);
  const uint64_t checksum = xxh64(bytes);
  const std::lock_guard lock(mutex_);
  table_.pieces.push_back({offset, static_cast<int64_t>(bytes.size()), checksum});
}

RawTable BegunSnapshot::finish() {
  std::ranges::sort(table_.pieces, {}, &RawTable::Piece::offset);
  size_t next = 0;
  for (const RawTable::Array& array : table_.arrays) {
    const int64_t end = array.offset + bytes_of(array.shape);
    int64_t at = array.offset;
    for (; next < table_.pieces.size() && table_.pieces[next].offset == at && at < end; ++next)
      at += table_.pieces[next].bytes;
    if (at != end)
      throw_error<Error>("result: {} of '{}' has no values from byte {} on", array.tensor,
                         array.node, at - array.offset);
  }
  file_->sync();
  return std::move(table_);
}

}  // namespace quantdyn
