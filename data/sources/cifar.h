// The record files of CIFAR-10 and CIFAR-100 (Krizhevsky 2009, "binary version").
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace quantdyn {

/// A record is its label bytes followed by 3072 pixels: the planes red, green, blue of 32 x 32.
struct CifarFormat {
  int64_t label_bytes = 1;  ///< 1 in CIFAR-10, 2 (coarse, fine) in CIFAR-100
  int64_t label = 0;        ///< which of the label bytes is used
  int64_t classes = 10;
};

/// Appends a file's whole records to labels and pixels ([32,32,3] an image). ConfigError, with
/// `name` and the byte, for a label out of range.
void parse_cifar(const std::string& name, std::span<const uint8_t> file, const CifarFormat& format,
                 std::vector<int32_t>& labels, std::vector<uint8_t>& pixels);

/// Reads `images_per_file` records from each file into one split, pixels turned to [32,32,3].
/// ConfigError, naming file and byte: missing, short or over-long file, label out of range.
std::unique_ptr<Dataset> read_cifar(std::string name,
                                    const std::vector<std::filesystem::path>& files,
                                    int64_t images_per_file, const CifarFormat& format);

}  // namespace quantdyn
